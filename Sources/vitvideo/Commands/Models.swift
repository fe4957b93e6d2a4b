import ArgumentParser
import Base
import Files
import Foundation
import ModelZoo
import ViT

struct Models: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the known models, fetch or import their weights, and check them.",
        usage: "vitvideo models [<subcommand>]",
        subcommands: [List.self, Info.self, Pull.self, Import.self, Verify.self, Path.self],
        defaultSubcommand: List.self)

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the known models.")

        func run() throws {
            let cache = ModelCache.standard()
            let names = ModelZoo.entries.map(\.name)
            let width = names.map(\.count).max() ?? 0
            for entry in ModelZoo.entries {
                let c = entry.configuration
                let marks = [
                    cache.find(entry) == nil ? nil : "present",
                    entry.name == ModelZoo.defaultName ? "default" : nil,
                    ModelZoo.aliases.first { $0.value == entry.name }.map { "'\($0.key)'" },
                ].compactMap { $0 }
                let size = "patch \(c.patchSize), width \(c.width), \(c.depth) blocks, \(c.heads) heads"
                try printLine(
                    entry.name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + size
                        + (marks.isEmpty ? "" : "  (\(marks.joined(separator: ", ")))"))
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

        func run() throws {
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
            abstract: "Fetch a known model's weights from their publisher into the model cache.",
            discussion: """
                A broken download goes on where it stopped. Size and hash are checked before the file has its name.
                """)

        @Argument(help: "Model names.")
        var names: [String]

        @Flag(name: [.short, .long], help: "Say nothing but errors.")
        var quiet = false

        func run() throws {
            let download = ModelDownload(cache: .standard(), isQuiet: quiet)
            for name in names { try printLine(download.run(ModelZoo.entry(named: name)).path) }
        }
    }

    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check a weights file against a known model and put it into the model cache.")

        @Argument(help: "Weights: safetensors, PyTorch, NumPy or ONNX.")
        var file: String

        @Option(
            name: .customLong("as"), help: ArgumentHelp("The model these weights are.", valueName: "name"))
        var name: String

        @Option(help: CheckpointKeyHelp.text)
        var checkpointKey: String?

        func validate() throws { try FileArguments.check([("models import", file)]) }

        func run() throws {
            try printLine(
                ModelCache.standard().importWeights(
                    from: file, as: ModelZoo.entry(named: name), checkpointKey: checkpointKey,
                    onNotice: { ModelNotices.print($0, as: FileName.shown(file)) }
                ).path)
        }
    }

    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Load a model's weights and check every tensor.")

        @Argument(help: "Model name.")
        var name: String = ModelZoo.defaultName

        func run() throws {
            let found = try ModelCache.standard().verify(ModelZoo.entry(named: name))
            let hash = found.expected.isEmpty ? "SHA-256" : "as published, SHA-256"
            try printLine("\(found.location.path): every tensor is there, \(hash) \(found.sha256)")
        }
    }

    struct Path: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print where a model's weights are kept.")

        @Argument(help: "Model name.")
        var name: String = ModelZoo.defaultName

        func run() throws {
            try printLine(ModelCache.standard().importedPath(of: ModelZoo.entry(named: name)))
        }
    }
}

/// Writes a command's result, in which the names of files are their bytes, as other programs want them.
///
/// - Throws: `VitvideoError` of kind `inputOutput`.
private func printLine(_ text: String) throws { try StandardOutput().write(text + "\n") }
