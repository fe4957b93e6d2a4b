import ArgumentParser
import Checkpoints
import Foundation
import ViT

struct Models: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the known models, import weights, and check them.",
        subcommands: [List.self, Import.self, Verify.self, Path.self],
        defaultSubcommand: List.self)

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the known models.")

        func run() {
            let cache = ModelCache.standard()
            let names = ModelZoo.entries.map(\.name)
            let width = names.map(\.count).max() ?? 0
            for entry in ModelZoo.entries {
                let c = entry.configuration
                let marks = [
                    cache.has(entry) ? "present" : nil, entry.name == ModelZoo.defaultName ? "default" : nil,
                    ModelZoo.aliases.first { $0.value == entry.name }.map { "'\($0.key)'" },
                ].compactMap { $0 }
                let size = "patch \(c.patchSize), width \(c.width), \(c.depth) blocks, \(c.heads) heads"
                print(
                    entry.name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + size
                        + (marks.isEmpty ? "" : "  (\(marks.joined(separator: ", ")))"))
            }
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

        func run() throws {
            let path = try ModelCache.standard().importWeights(from: file, as: name)
            print(path)
        }
    }

    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Load a model's weights and check every tensor.")

        @Argument(help: "Model name.")
        var name: String = ModelZoo.defaultName

        func run() throws {
            let model = try ModelCache.standard().load(name)
            print("\(model.name): every tensor is there, SHA-256 \(model.weightsHash)")
        }
    }

    struct Path: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print where a model's weights are kept.")

        @Argument(help: "Model name.")
        var name: String = ModelZoo.defaultName

        func run() throws {
            print(ModelCache.standard().path(of: try ModelZoo.entry(named: name)))
        }
    }
}
