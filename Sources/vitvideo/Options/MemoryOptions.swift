import ArgumentParser
import Methods

/// How much memory and time a run may take.
struct MemoryOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            Memory for frames and inference beside the model: 800M, 2G. What would not fit is refused before it \
            begins, with the resolution that would. (default: what machine, control groups and Slurm's \
            allotment have left)
            """, valueName: "size"))
    var budgetMemory: MemorySize?

    @Flag(
        help: ArgumentHelp(
            """
            Compute frames of more than \(HugeFrame.limit) patches too. One may take gigabytes and hours; how much is \
            said before it begins.
            """))
    var allowHugeFrames = false

    /// Nil for what is left to this process.
    var budgetBytes: Int? { budgetMemory?.bytes }
}

/// `800M`, `2.5G`: an amount of memory in decimal units.
struct MemorySize: ExpressibleByArgument, CustomStringConvertible {
    let bytes: Int

    init(bytes: Int) { self.bytes = bytes }

    init?(argument: String) {
        let units: [Character: Double] = ["K": 1e3, "M": 1e6, "G": 1e9]
        let unit = argument.last.flatMap { units[Character($0.uppercased())] }
        guard let number = Double(unit == nil ? argument : String(argument.dropLast())) else { return nil }
        let bytes = (number * (unit ?? 1)).rounded()
        guard bytes >= 1, bytes < 1e15 else { return nil }
        self.bytes = Int(bytes)
    }

    /// In the largest unit that gives a whole number.
    var description: String {
        for (unit, size) in [("G", 1_000_000_000), ("M", 1_000_000), ("K", 1000)] where bytes % size == 0 {
            return "\(bytes / size)\(unit)"
        }
        return "\(bytes)"
    }
}
