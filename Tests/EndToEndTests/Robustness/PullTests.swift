import Checkpoints
import Fixtures
import Foundation
import LocalServer
import ModelZoo
import Testing
import ViT

extension Robustness {
    /// Fetching a model while another process fetches it too.
    @Suite struct Pulls {
        /// A model whose publisher gives neither size nor hash, so that any file of its names and shapes is taken.
        static let model = "dino_vits16"

        @Test func twoPullsOfOneModel() throws {
            let workspace = try Workspace()
            let entry = try ModelZoo.entry(named: Self.model)
            try Safetensors.write(
                CanonicalNames.required(by: entry.configuration).map { name, shape in
                    (name, shape, [Float](repeating: 0.5, count: shape.reduce(1, *)))
                }, to: workspace.file("published"))
            let file = ServedFile(bytes: [UInt8](try workspace.bytes(of: "published")))
            let rack = TestServer.Rack()
            for isBroken in [false, true] {
                for _ in 0..<(RobustnessTable.isThorough ? 3 : 1) {
                    // Whoever comes first is held half-way until the other has come too, and may then lose its
                    // connection.
                    let gate = TestServer.Gate()
                    let server = try rack.serve { request, index in
                        if index > 0 { return file.response(to: request) }
                        let half = file.bytes.count / 2
                        return file.response(to: request, limit: half) + [.wait(gate)]
                            + (isBroken ? [] : [.send(Array(file.bytes[half...]))])
                    }
                    tryCase("faults: two pulls of one model") {
                        try twoPulls(from: server, gate, of: entry, file.bytes, in: workspace)
                    }
                }
            }
        }

        private func twoPulls(
            from server: TestServer, _ gate: TestServer.Gate, of entry: ModelZoo.Entry, _ bytes: [UInt8],
            in workspace: Workspace
        ) throws -> String? {
            let cache = workspace.file("cache-\(UUID().uuidString)")
            let environment = [
                "VITVIDEO_CACHE": cache, "VITVIDEO_MIRROR": server.url(""), "HF_HOME": cache,
                "TORCH_HOME": cache,
            ]
            let programs = try (0..<2).map { _ in
                try workspace.start("models", "pull", entry.name, environment: environment)
            }
            // Each says that it fetches; the second one while it waits for the first.
            let first = try programs.map { try $0.nextErrorLine() }
            gate.open()
            let outcomes = try programs.map { try $0.wait() }
            let path = cache + "/" + entry.fileName
            guard outcomes.allSatisfy({ $0.status == 0 && $0.output == path + "\n" }) else {
                return "\(outcomes)"
            }
            guard first.allSatisfy({ $0?.contains("fetching \(entry.name)") == true }) else {
                return "\(first)"
            }
            guard try Data(contentsOf: URL(fileURLWithPath: path)) == Data(bytes) else {
                return "the file is not what was served"
            }
            let names = try FileManager.default.contentsOfDirectory(atPath: cache).sorted()
            return names == [entry.fileName, entry.fileName + ".sha256"] ? nil : "left \(names)"
        }
    }
}
