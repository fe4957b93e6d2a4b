import ArgumentParser

/// Measures the engine by itself; `Benchmarks/run.py` sets the results beside those of other programs.
@main
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vitvideo-bench",
        abstract:
            "Measure forward passes, gradients, steps of training, and what the CPU could do at best. Prints JSON.",
        subcommands: [
            Forward.self, GraphForward.self, InputGradient.self, NeuronSteps.self, Peak.self,
            TrainingSteps.self,
        ])
}
