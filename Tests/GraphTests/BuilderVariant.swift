import Base
import Checkpoints
import Files
import Fixtures
import Foundation
import Graph

/// A golden's weights written anew with changes, and with other words beside them.
struct BuilderVariant {
    typealias Tensor = (name: String, shape: [Int], values: [Float])

    let golden: GraphGolden
    private let directory: TemporaryDirectory

    init(_ name: String) throws {
        golden = .named(name)
        directory = try TemporaryDirectory()
    }

    func tensors() throws -> [Tensor] {
        let checkpoint = try golden.checkpoint()
        return try checkpoint.names.map { name in
            (name, checkpoint[name]?.shape ?? [], try checkpoint.floats(name))
        }
    }

    /// - Parameters:
    ///   - arguments: the constructor's that differ from the golden's; nil for no `config.json`.
    ///   - change: what becomes of the tensors.
    func write(
        arguments: [String: Any]? = [:], named file: String = "model.safetensors",
        _ change: ([Tensor]) throws -> [Tensor] = { $0 }
    ) throws -> Checkpoint {
        let config = directory.file("config.json")
        if FileSystem.exists(config) { try FileManager.default.removeItem(atPath: config) }
        if let arguments {
            let data = try Data(contentsOf: URL(fileURLWithPath: golden.path("config.json")))
            var object = try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
            let own = object["model_args"] as? [String: Any] ?? [:]
            object["model_args"] = own.merging(arguments) { $1 }
            try directory.write(JSONSerialization.data(withJSONObject: object), to: "config.json")
        }
        let path = directory.file(file)
        if FileSystem.exists(path) { try FileManager.default.removeItem(atPath: path) }
        try Safetensors.write(change(tensors()), to: path)
        return try Checkpoint.open(path)
    }

    /// The same with other names; nil leaves a tensor out.
    func renamed(
        arguments: [String: Any]? = [:], _ name: (String) -> String?
    ) throws -> Checkpoint {
        try write(arguments: arguments) { tensors in
            tensors.compactMap { tensor in name(tensor.name).map { ($0, tensor.shape, tensor.values) } }
        }
    }

    /// How far what a file's model makes of the golden's picture is from what timm does.
    func error(_ checkpoint: Checkpoint) throws -> Float {
        let expected = try golden.expected()
        let (picture, height, width) = try expected.input()
        let graph = try golden.family.graph(of: checkpoint, height: height, width: width)
        return relativeError(try GraphRun(graph, picture).output, try expected.floats("output"))
    }
}

/// What is said of a model that cannot be used; nil where it can.
func refusal(_ body: () throws -> Graph) throws -> VitvideoError? {
    do {
        _ = try body()
        return nil
    } catch let error as VitvideoError {
        return error
    }
}
