import ArgumentParser
import Base
import Files
import Glibc
import Graph
import ModelZoo
import ViT

struct Models: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the known models, fetch or import their weights, and check them.",
        usage: "vitvideo models [<subcommand>]",
        subcommands: [List.self, Info.self, Pull.self, Import.self, Verify.self, Path.self],
        defaultSubcommand: List.self)

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the known models, and those that are in the model cache under other names.",
            discussion: """
                The columns: name, with aliases; patch size, width, blocks and heads; size of the published \
                file; its license; who publishes it; and whether it is on this machine.
                """)

        @Argument(help: "Part of the names to show, in letters of any case.")
        var filter: String?

        func run() throws {
            let cache = ModelCache.standard()
            for block in try ModelList(cache, filter: filter).blocks {
                for line in block + [""] { try printLine(line) }
            }
            try printLine("The model cache is \(cache.directory).")
        }
    }

    struct Info: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say what is in a weights file, and what it would be taken for.",
            discussion: "Nothing is computed. The exit code is 65 for a file that would be refused.")

        @Argument(help: "Weights: safetensors, PyTorch, NumPy or ONNX, or a directory of Hugging Face's.")
        var file: String

        @Option(
            help: ArgumentHelp(
                "Number of heads, where the file has heads that are not 64 wide.", valueName: "n"))
        var numHeads: Int?

        @Option(help: CheckpointKeyHelp.text)
        var checkpointKey: String?

        func validate() throws { try FileArguments.check([("models info", file)]) }

        /// The model, where it is of another build than the plain Vision Transformer's; an ONNX export of that one is read as
        /// weights.
        private func otherBuild() throws -> GraphModel? {
            guard try !GraphModel.isONNX(file) else {
                let isPlain = (try? Model.load(file, told: ModelFacts(heads: numHeads))) != nil
                return isPlain ? nil : try GraphModel.open(file)
            }
            return try GraphModel.open(file)
        }

        func run() throws {
            if let other = try otherBuild() {
                for line in try other.lines { try printLine(line) }
                for notice in other.notices { try printLine("note: \(notice.line { $0.words })") }
                return
            }
            let inspection = try WeightsInspection(
                file, told: ModelFacts(heads: numHeads), checkpointKey: checkpointKey,
                known: ModelZoo.published(withHash:))
            for line in inspection.lines { try printLine(line) }
            for notice in inspection.notices { try printLine("note: \(notice.line { $0.words })") }
            if let refusal = inspection.refusal { throw refusal }
        }
    }

    struct Pull: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Fetch models into the model cache, and print where they are.",
            discussion: """
                Known models come from their publishers, hf:OWNER/NAME from the Hugging Face hub, with \
                configuration and tokenizer; what the hub's own library has fetched already is used where it \
                lies. The path printed is one for --weights, the name one for --model. A broken download goes \
                on where it stopped. Size and hash are checked, as far as they are published, before a file \
                has its name.

                HF_ENDPOINT names another server than huggingface.co. For repositories with terms to accept, \
                set HF_TOKEN, or log in with Hugging Face's program.
                """)

        @Argument(
            help: "Names of known models, hf:OWNER/NAME for a repository's weights, or hf:OWNER/NAME/FILE.")
        var names: [String]

        @Flag(name: [.short, .long], help: "Say nothing but errors.")
        var quiet = false

        func run() throws {
            let cache = ModelCache.standard()
            let download = ModelDownload(cache: cache, isQuiet: quiet)
            for name in names {
                let location =
                    if let reference = HubReference(name) {
                        try cache.location(of: .hub(reference)) { try download.run($0) }
                    } else {
                        try download.run(ModelZoo.entry(named: name))
                    }
                try printLine(location.path)
            }
        }
    }

    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check weights and put them into the model cache, and print where they are.",
            discussion: """
                With --as, the weights are checked against a known model and are that model from then on. \
                Without it, a file that is one of the published ones is imported as what it is, and any other \
                that can be read is copied, with configuration and tokenizer beside it, under a name for \
                --model.
                """)

        @Argument(
            help:
                "Weights: safetensors, PyTorch, NumPy or ONNX, or a directory as Hugging Face writes it."
        )
        var file: String

        @Option(
            name: .customLong("as"),
            help: ArgumentHelp("The known model that these weights are.", valueName: "name"))
        var known: String?

        @Option(
            help: ArgumentHelp(
                "What to call the model. (default: the file's name without its ending, or the directory's)",
                valueName: "name"))
        var name: String?

        @Option(help: CheckpointKeyHelp.text)
        var checkpointKey: String?

        func validate() throws {
            try FileArguments.check([("models import", file)])
            if known != nil, name != nil {
                throw ValidationError("--as and --name both say what the model is called; give one of them")
            }
            if known == nil, checkpointKey != nil {
                throw ValidationError(
                    "--checkpoint-key goes with --as; a file that is copied whole needs it when it is used"
                )
            }
        }

        func run() throws {
            let cache = ModelCache.standard()
            let onNotice = { (notice: ModelNotice) in ModelNotices.print(notice, as: FileName.shown(file)) }
            let location =
                if let known {
                    try cache.importWeights(
                        from: file, as: ModelZoo.entry(named: known), checkpointKey: checkpointKey,
                        onNotice: onNotice)
                } else {
                    try cache.importModel(from: file, name: name, onNotice: onNotice)
                }
            try printLine(location.path)
        }
    }

    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Load a model's weights and check every tensor.")

        @Argument(help: ModelName.text)
        var name: String = ModelZoo.defaultName

        func run() throws {
            let cache = ModelCache.standard()
            let found =
                if let model = ModelName.stored(name, in: cache) {
                    try cache.verify(model)
                } else {
                    try cache.verify(ModelZoo.entry(named: name))
                }
            let hash = found.expected.isEmpty ? "SHA-256" : "as published, SHA-256"
            try printLine("\(found.location.path): every tensor is there, \(hash) \(found.sha256)")
        }
    }

    struct Path: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print where a model's weights are kept.")

        @Argument(help: ModelName.text)
        var name: String = ModelZoo.defaultName

        func run() throws {
            let cache = ModelCache.standard()
            try printLine(
                ModelName.stored(name, in: cache).map { cache.find($0)?.path ?? cache.path(of: $0) }
                    ?? cache.importedPath(of: ModelZoo.entry(named: name)))
        }
    }
}

/// A model's name as an argument.
private enum ModelName {
    static let text: ArgumentHelp = "Name of a known or imported model, or hf:OWNER/NAME."

    /// The model of the cache that is called so; nil where the zoo knows the name, or nobody does.
    static func stored(_ name: String, in cache: ModelCache) -> StoredModel? {
        ModelZoo.find(name) == nil ? cache.stored(named: name) : nil
    }
}

/// Writes a command's result, in which the names of files are their bytes, as other programs want them.
///
/// - Throws: `VitvideoError` of kind `inputOutput`.
private func printLine(_ text: String) throws { try StandardOutput().write(text + "\n") }

extension GraphModel {
    /// What it is, at the size of its training.
    fileprivate var lines: [String] {
        get throws {
            let instance = try nativeInstance()
            var lines = [
                "\(title), \(nativeSize.width)×\(nativeSize.height) pixels"
                    + (fixedSize == nil ? "" : " and no other size"),
                instance.classes > 0 ? "\(instance.classes) classes" : "no classes",
            ]
            let shares = try sharesOfPlace()
            for (index, matrix) in instance.attention.enumerated() {
                let asks =
                    matrix.queries.map { "\($0.columns)×\($0.rows) patches" }
                    ?? (matrix.hasQueries ? "" : "\(matrix.rowCount) channels")
                let tokens = matrix.queryTokens > 0 ? "class token" : ""
                lines.append(
                    "layer \(index) (\(matrix.scope)): \(matrix.heads) heads, "
                        + [tokens, asks].filter { !$0.isEmpty }.joined(separator: " and ")
                        + " to \(matrix.keys.columns)×\(matrix.keys.rows)"
                        + (matrix.windowOffsets.count > 1 ? ", in \(matrix.windowOffsets.count) windows" : "")
                        + (shares.indices.contains(index) ? ", by place " + Self.percents(shares[index]) : "")
                )
            }
            if let place = instance.unplaced.first {
                lines.append("attention among channels \(instance.unplaced.count) times, first at \(place)")
            }
            if let lost = instance.lostAt { lines.append("what tensors stand for is lost at \(lost)") }
            return lines
        }
    }

    private static func percents(_ shares: [Float]) -> String {
        shares.map { formatted("%.1f %%", $0 * 100) }.joined(separator: ", ")
    }
}
