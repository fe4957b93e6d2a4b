import Archives
import ArgumentParser
import Base
import Methods
import Pipeline
import VideoIO

/// What an export holds where no method is asked for.
private let standardArray = MethodRegistry.standard.standardMethod.arrays[0]

/// What is written, and how.
struct OutputOptions: ParsableArguments {
    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            """
            Output; the extension decides: mp4, mov, mkv, webm, gif, png, jpg, or numbered out-%04d.png. Of pictures that \
            are no clip one each: in out/%s.png the name of each stands for %s. Of 'batch' a directory, or a name with %s.
            """,
            valueName: "file"))
    var output: String?

    @Option(
        help: ArgumentHelp(
            """
            Raw maps as arrays; the extension decides: npz, safetensors, or zarr, a directory. They are \
            \(standardArray.name) \(standardArray.shape), or what --method gives \
            (\(MethodRegistry.standard.arrayNames)), with frame, time and meta; with several models \
            \(standardArray.name).NAME and meta.NAME of each. Of pictures that are no clip FILE/\(standardArray.name) and so \
            on, or a file each (out/%s.npz).
            """, valueName: "file.npz|safetensors|zarr"), transform: ExportArgument.path)
    var export: String?

    @Option(help: ExportArgument.numberHelp)
    var dtype: ArchiveNumber?

    @Option(
        help: ArgumentHelp(
            """
            A table, one row per frame and model: entropy in nats of the fused map and of each single one, share of \
            the attention in the top 10 % of patches, correlation with the frame before and with each other \
            model or recorded heatmap (read back from inferno). '-' is standard output.
            """, valueName: "file.csv|-"))
    var stats: String?

    @Option(help: ArgumentHelp("These statistics drawn over time.", valueName: "file.png|svg"))
    var plot: String?

    @Option(
        help: ArgumentHelp(
            """
            Every frame's mask as an indexed PNG of the frame's size, in the palette of DAVIS: 1 on the patches that \
            hold most of the map (--threshold), 0 elsewhere. Numbered, out-%05d.png; of one picture, out.png; of several that \
            are no clip, out/%s.png.
            """, valueName: "file.png"))
    var masks: String?

    @Option(
        help: ArgumentHelp(
            "The same masks in COCO's format: run lengths, areas, boxes, images and categories.",
            valueName: "file.json"))
    var coco: String?

    @Flag(name: [.customShort("y"), .long], help: "Replace existing outputs.")
    var overwrite = false

    @OptionGroup var encoding: EncodingOptions

    /// All outputs, at least one, by the options that name them.
    var named: [(option: String, path: String)] {
        let outputs = [
            ("-o", output), ("--export", export), ("--stats", stats), ("--plot", plot), ("--masks", masks),
            ("--coco", coco),
        ]
        return outputs.compactMap { option, path in path.map { (option, $0) } }
    }

    var paths: [String] { named.map(\.path) }

    /// Whether the name of an output stands for many, one for each picture.
    var namesEachPicture: Bool {
        [output, export, masks].contains { $0?.contains(PictureName.placeholder) == true }
    }

    /// What a picture is written as.
    static let pictureExtensions = ["png", "jpg", "jpeg"]

    /// Whether an output of that name holds one picture.
    static func isOfOnePicture(_ path: String) -> Bool { VideoWriter.refusalOfSecondFrame(path) != nil }

    var wantsStatistics: Bool { stats != nil || plot != nil }

    /// Whether numbers are written and not only pictures.
    var wantsNumbers: Bool { export != nil || wantsStatistics }

    var wantsMasks: Bool { masks != nil || coco != nil }

    /// - Parameters:
    ///   - threads: of the encoder.
    ///   - store: where the segments of the output are kept, if it is written in segments.
    func writerOptions(
        for reader: VideoReader, threads: Int, store: SegmentStore?,
        onWarning: @escaping @Sendable (MediaWarning) -> Void
    ) -> WriterOptions {
        encoding.writerOptions(
            for: reader, overwrite: replaces(store), threads: threads, isRepeatable: store != nil,
            onWarning: onWarning)
    }

    /// Whether outputs that exist are replaced: also those that an earlier run of the job has finished.
    func replaces(_ store: SegmentStore?) -> Bool { overwrite || store?.isJoining == true }

    func validate() throws {
        for (option, path) in named where path == "-" && option != "--stats" {
            throw ValidationError(
                "\(option) writes a file, never standard output, which only --stats does; name a file")
        }
        if paths.isEmpty {
            throw ValidationError(
                "nothing to write; give -o FILE, --export FILE.npz, --stats FILE.csv, --plot FILE.png, "
                    + "--masks FILE-%05d.png or --coco FILE.json")
        }
        try ExportArgument.check(export, dtype)
        if let masks, masks.pathExtension != "png" {
            throw ValidationError("--masks writes .png files, numbered as in out-%05d.png")
        }
        if let coco, coco.pathExtension != "json" { throw ValidationError("--coco writes .json files") }
    }

    /// Where an output is written does not count.
    var settings: JobSettings {
        func given(_ isGiven: Bool) -> String? { isGiven ? "given" : nil }
        return [
            ("the format of -o", output.map(\.pathExtension)),
            ("--export", given(export != nil)), ("--dtype", dtype?.rawValue),
            ("--stats or --plot", given(wantsStatistics)), ("--masks or --coco", given(wantsMasks)),
        ] + encoding.settings
    }
}
