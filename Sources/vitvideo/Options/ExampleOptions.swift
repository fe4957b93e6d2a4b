import ArgumentParser
import Base
import Files
import Methods
import Pipeline
import VideoIO

/// Where frames that excite neurons are looked for, instead of making pictures.
struct ExampleOptions: ParsableArguments {
    @Option(
        name: .customLong("examples"),
        help: ArgumentHelp(
            """
            Look through these videos, pictures and directories of pictures for the frames that excite the neurons \
            most (mean over the patches). -o is then a sheet of them, each beside the neuron's values on it, or a \
            directory with --layer. A file whose path holds commas has an --examples of its own.
            """, valueName: "file[,…]"))
    var names: [String] = []

    @Option(help: ArgumentHelp("Examples of each neuron. (default: 9; with --layer 3)", valueName: "n"))
    var top: Int?

    @Option(
        help: ArgumentHelp(
            "Seconds between two examples out of one video at least: closer ones are near copies.",
            valueName: "seconds"))
    var apart: Amount = 1.0

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            """
            With --examples and no neuron: rank all neurons of this layer by how selectively they fire, and show the \
            most selective. -o is a directory of neurons.csv and neurons.png.
            """, valueName: "n"))
    var layer: Int?

    @Option(
        help: ArgumentHelp(
            "Neurons that neurons.png shows: picture, examples and maps of each; 0 for none.", valueName: "n")
    )
    var show: Int = 8

    @Flag(
        help: ArgumentHelp(
            """
            Look at frames of more than \(HugeFrame.limit) patches too, which may take gigabytes and hours each; else \
            they are left out and named.
            """))
    var allowHugeFrames = false

    /// Whether examples are looked for.
    var isWanted: Bool { !names.isEmpty }

    func validate() throws {
        let stray = [
            ("--top", top != nil), ("--layer", layer != nil), ("--allow-huge-frames", allowHugeFrames),
        ].first(where: \.1)
        if names.isEmpty, let option = stray {
            throw ValidationError("\(option.0) goes with --examples")
        }
        guard (1...1000).contains(top ?? 1) else { throw ValidationError("--top is 1 to 1000") }
        guard (0...3600).contains(apart.value) else { throw ValidationError("--apart is 0 to 3600 seconds") }
        guard (0...100).contains(show) else { throw ValidationError("--show is 0 to 100") }
    }

    /// The files, each once, in order.
    ///
    /// - Throws: `VitvideoError` of kind `noInput`.
    func paths() throws -> [String] {
        let given = names.flatMap { name in
            FileSystem.exists(name) ? [name] : name.split(separator: ",").map(String.init)
        }
        if given.contains("-") {
            throw VitvideoError(
                .usage, reason: "examples are read twice, which standard input does not allow",
                nextStep: .advice("save it to a file first"))
        }
        var seen: Set<String> = []
        return try PictureList.paths(of: given).filter { seen.insert($0).inserted }
    }
}
