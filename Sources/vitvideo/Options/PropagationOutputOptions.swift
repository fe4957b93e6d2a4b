import ArgumentParser
import Base
import VideoIO

/// What a propagation writes, and how.
struct PropagationOutputOptions: ParsableArguments {
    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "The clip with its objects in colour; the extension decides: mp4, mov, mkv, webm, gif, out-%04d.png.",
            valueName: "file"))
    var output: String?

    @Option(
        help: ArgumentHelp(
            "The masks as indexed PNG files with DAVIS's palette, numbered from 1.", valueName: "out-%05d.png"
        ))
    var masks: String?

    @Option(
        help: ArgumentHelp(
            "The same masks in COCO's format: run lengths, areas, boxes, images and categories.",
            valueName: "file.json"))
    var coco: String?

    @Option(
        help: ArgumentHelp(
            """
            Features and soft labels as a NumPy archive: features [frames, rows, cols, D] of length 1, segmentation \
            [frames, rows, cols, classes], with frame, time and meta.
            """, valueName: "file.npz"))
    var export: String?

    @Flag(name: [.customShort("y"), .long], help: "Replace existing outputs.")
    var overwrite = false

    @OptionGroup var encoding: EncodingOptions

    /// Whether numbers or masks are written and not only pictures.
    var wantsNumbers: Bool { masks != nil || coco != nil || export != nil }

    func validate() throws {
        let files = [("-o", output), ("--masks", masks), ("--coco", coco), ("--export", export)]
        for (option, path) in files where path == "-" {
            throw ValidationError("\(option) writes a file, never standard output; name a file")
        }
        if let export, !export.hasSuffix(".npz") { throw ValidationError("--export writes .npz files") }
        if let coco, coco.pathExtension != "json" { throw ValidationError("--coco writes .json files") }
    }
}
