// Package settings reads the environment that every example runs on.
//
// [Load] knows each setting, its default, what a good value looks like and which settings only make sense together.
// Every secret X may instead stand in a file that X_FILE names. An empty value is the same as none. With no vendor
// setting at all, [Settings.Demo] is true.
//
// What is missing or wrong is gathered into one [Error] of one line. It names variables and never shows a value,
// because what was put into the wrong variable may be a secret.
package settings
