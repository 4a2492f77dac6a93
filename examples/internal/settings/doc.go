// Package settings reads the environment of the examples.
//
// [Load] knows each setting, its default, its valid values and which settings only make
// sense together. Every secret X may instead be in a file that X_FILE names. An empty
// value counts as unset. Without any vendor setting, [Settings.Demo] is true.
//
// Everything that is missing or invalid is reported in one [Error] of one line. It names
// variables and never shows a value, because what was put into the wrong variable may be
// a secret.
package settings
