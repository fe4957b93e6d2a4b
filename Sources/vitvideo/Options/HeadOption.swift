import ArgumentParser
import Methods

/// `--head` where frames are annotated: a classifier's file, or a head of the model.
struct HeadOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            Linear classifier for --model, as DINO publishes it (*_linearweights.pth). With --method \
            \(MethodRegistry.standard.names(with: MethodOptions.heads)) also a head by its number, as --heads.
            """, valueName: "file|n"))
    var head: String?

    /// A head by its number, where that is what --head says.
    var index: Int? { head.flatMap { Int($0) } }
    /// A classifier's file, where that is what --head says.
    var file: String? { index == nil ? head : nil }

    var settings: JobSettings { [("--head", head)] }

    /// Files whose content decides about the outputs.
    var files: [String] { file.map { [$0] } ?? [] }
}

/// `--head` of a report: a classifier's file alone.
struct ClassifierOption: ParsableArguments {
    @Option(
        name: .customLong("head"),
        help: ArgumentHelp(
            "Linear classifier for --model, as DINO publishes it (*_linearweights.pth).", valueName: "file"))
    var file: String?

    func validate() throws {
        guard let file, Int(file) != nil else { return }
        throw ValidationError(
            "--head is a classifier's file here; --qk-head \(file) chooses a head, and --layer its layer; for a "
                + "file of that name write ./\(file)")
    }
}
