// Package simtest runs deterministic simulations: several processes share a store and
// some vendors, while messages are lost, hang or arrive late, and processes crash and
// freeze.
//
// Every call of a simulated process to the store or to a vendor parks at a gate. When
// every goroutine of the synctest bubble is parked or asleep, the driver, a single
// goroutine, does one thing chosen by the seed: it lets a call be processed or answered,
// lets a fault meet it, lets time pass, or does what the simulation wants done. So a seed
// always gives the same run, byte for byte.
//
// A simulation is written in four parts:
//   - A [Config] says how many seeds are run and which faults must have met which steps. Its
//     Play is one run.
//   - Sim.Boot starts a process ([Sim.NewProcess]), with a [Store] and a [Transport] as its way
//     to the outside. What else it calls goes through [Send].
//   - A loop in Play calls [Sim.Rest] and [Sim.DoOne], with each [Action] that is possible then,
//     and ends with [Sim.StopFaults] and a look at what is left. An action lets an [Actor] do
//     something in a process ([Sim.Start]).
//   - What must always hold is a slice of [Promise] values. [Check] checks them whenever
//     something happens.
//
// The flags of every simulation:
//
//	-long    run every seed, and require every fault at every step
//	-seeds   run this number of seeds
//	-from    the first seed
//	-tail    how many lines of a failing run's trace are shown
//
// Outside of simulations, [Killable] makes a process that a test can kill.
package simtest
