import Base
import Files
import Fixtures
import Foundation
import LocalServer
import ModelZoo
import NumPy
import Testing

/// `vitvideo models`.
@Suite struct ModelCommandTests {
    @Test func theListSaysWhatIsThere() throws {
        let workspace = try Workspace()
        let present = try workspace.run(["models"])
        #expect(present.status == 0)
        let line = try #require(
            present.output.split(separator: "\n").first { $0.hasPrefix("dinov2_vits14 ") })
        #expect(line.contains("present") && line.contains("default"))
        let none = try workspace.run(["models", "list"], environment: ["VITVIDEO_CACHE": workspace.path])
        #expect(none.status == 0 && !none.output.contains("present"))
        #expect(none.output.hasSuffix("cache is \(workspace.path).\n"))
        let absent = try workspace.run(
            ["models", "verify"],
            environment: [
                "VITVIDEO_CACHE": workspace.path, "TORCH_HOME": workspace.path, "HF_HOME": workspace.path,
            ])
        #expect(absent.status == 69 && absent.errors.contains("'vitvideo models pull dinov2_vits14'"))
    }

    // MARK: The list

    private func list(_ arguments: String..., in workspace: Workspace) throws -> Program.Outcome {
        try workspace.run(["models", "list"] + arguments, environment: Self.alone(workspace))
    }

    /// Nothing on this machine is found but what is in the workspace.
    private static func alone(_ workspace: Workspace, hub: String = "http://127.0.0.1:1") -> [String: String?]
    {
        [
            "HOME": workspace.path, "VITVIDEO_CACHE": workspace.file("cache"), "XDG_CACHE_HOME": nil,
            "TORCH_HOME": nil, "HF_HOME": nil, "HF_HUB_CACHE": nil, "HUGGINGFACE_HUB_CACHE": nil,
            "HF_TOKEN": nil, "HUGGING_FACE_HUB_TOKEN": nil, "HF_TOKEN_PATH": nil, "HF_ENDPOINT": hub,
        ]
    }

    @Test func theListIsATable() throws {
        let workspace = try Workspace()
        let lines = try list(in: workspace).output.split(separator: "\n").map(String.init)
        #expect(lines.allSatisfy { $0.count <= 110 && $0.last != " " })
        let header = try #require(lines.first)
        #expect(header.split(separator: " ") == ["model", "shape", "size", "license", "source"])
        let rows = lines.dropFirst().prefix(ModelZoo.entries.count)
        #expect(zip(rows, ModelZoo.entries).allSatisfy { $0.hasPrefix($1.name) })
        // Columns stand in line.
        for title in ["shape", "license", "source"] {
            let place = try #require(header.range(of: title)?.lowerBound)
            let column = header.distance(from: header.startIndex, to: place)
            #expect(rows.allSatisfy { Array($0)[column] != " " && Array($0)[column - 1] == " " }, "\(title)")
        }
        let row = try #require(rows.first { $0.hasPrefix("dino_vitb16 ") })
        #expect(
            row.split(separator: " ")
                == ["dino_vitb16", "('dino')", "16/768/12/12", "343", "MB", "Apache-2.0", "meta"])
        #expect(rows.contains { $0.hasPrefix("dinov3_vit7b16 ") && $0.contains(" ~27 GB ") })
    }

    @Test(arguments: [
        ("dinov3", ["dinov3_"], true), ("DINOv2_ViTS", ["dinov2_vits14"], false),
        ("supervised", ["vit_base_patch16_224.augreg_in1k"], false), ("_reg", ["dinov2_"], false),
    ]) func theListIsFiltered(filter: String, starts: [String], showsLicense: Bool) throws {
        let workspace = try Workspace()
        let outcome = try list(filter, in: workspace)
        let rows = outcome.output.split(separator: "\n").dropFirst().prefix { !$0.hasPrefix("shape: ") }
        #expect(outcome.status == 0 && !rows.isEmpty && rows.count < ModelZoo.entries.count)
        #expect(rows.allSatisfy { row in starts.contains { row.hasPrefix($0) } })
        #expect(
            outcome.output.contains("\nDINOv3 License: https://ai.meta.com/resources/") == showsLicense)
    }

    @Test func aFilterThatNothingHas() throws {
        let workspace = try Workspace()
        let near = try list("dinov3_vitb14", in: workspace)
        #expect(near.status == 64 && near.output == "" && near.errorLines.count == 1)
        #expect(
            near.errors.contains("no model's name has 'dinov3_vitb14' in it; the nearest: dinov2_vitb14"),
            "\(near.errors)")
        let far = try list("zzzzzzzz", in: workspace)
        #expect(far.status == 64 && far.errors.contains("'vitvideo models list' shows all"))
    }

    // MARK: The Hugging Face hub

    /// A hub with a tiny model in several files.
    private func repository() throws -> ServedRepository {
        let folder = Fixtures.golden("dinov3/gated_transformers")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        let files = try names.reduce(into: [String: [UInt8]]()) {
            $0[$1] = [UInt8](try Data(contentsOf: folder.appendingPathComponent($1)))
        }
        let weights = files.filter { $0.key.hasSuffix(".safetensors") }
        return ServedRepository(
            "own/tiny", files: files, hashes: try weights.mapValues { try ContentHash.sha256(of: $0) })
    }

    private func photo(_ workspace: Workspace) throws {
        try workspace.ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x48", "-frames:v", "1", "photo.png")
    }

    private func attention(_ workspace: Workspace, _ file: String) throws -> [Float] {
        try NPZReader(workspace.file(file)).array("attention").floats()
    }

    @Test func aModelOfTheHubIsPulledAndUsed() throws {
        let workspace = try Workspace()
        try photo(workspace)
        let repository = try repository()
        let rack = TestServer.Rack()
        let server = try rack.serve { request, _ in repository.response(to: request) }
        let environment = Self.alone(workspace, hub: server.url(""))
        let export = ["photo.png", "--resolution", "32", "--quiet", "--export"]
        let model = ["--model", "hf:own/tiny"]

        let absent = try workspace.run(export + ["a.npz", "--offline"] + model, environment: environment)
        #expect(absent.status == 69 && absent.errors.contains("'vitvideo models pull hf:own/tiny'"))
        #expect(server.requests.isEmpty)
        let path = workspace.file("cache/hf/own/tiny")
        #expect(
            try workspace.run(["models", "path", "hf:own/tiny"], environment: environment).output == path
                + "\n")

        let pulled = try workspace.run(["models", "pull", "hf:own/tiny"], environment: environment)
        #expect(pulled.status == 0 && pulled.output == path + "\n")
        #expect(pulled.errors == "vitvideo: fetching hf:own/tiny from \(server.url("/own/tiny"))\n")
        let count = server.requests.count
        let again = try workspace.run(["models", "pull", "hf:own/tiny", "--quiet"], environment: environment)
        #expect(again.output == path + "\n" && again.errors == "" && server.requests.count == count)

        // By its name, by its path, and under another name: the same model.
        for (file, words) in [
            ("a.npz", model + ["--offline"]), ("b.npz", ["--weights", path]),
            ("c.npz", ["--define", "mine=hf:own/tiny", "--model", "mine", "--offline"]),
        ] {
            let outcome = try workspace.run(export + [file] + words, environment: environment)
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(try attention(workspace, file) == attention(workspace, "a.npz"))
        }
        #expect(try Set(attention(workspace, "a.npz")).count > 8)
        #expect(server.requests.count == count)
        let list = try workspace.run(["models", "list", "own"], environment: environment)
        #expect(list.output.hasPrefix("of Hugging Face   size\nhf:own/tiny      52 kB\n"), "\(list.output)")
        let verified = try workspace.run(["models", "verify", "hf:own/tiny"], environment: environment)
        #expect(verified.status == 0 && verified.output.hasPrefix("\(path): every tensor is there, SHA-256 "))

        // Without --offline it is fetched at first use; several in one run have names of their own.
        FileSystem.removeTree(workspace.file("cache"))
        let compared = try workspace.run(
            [
                "photo.png", "--resolution", "32", "--export", "d.npz", "--compare",
                "hf:own/tiny,hf:own/tiny/model.safetensors.index.json", "--weights",
                Golden.path("plain", "weights"), "--num-heads", "2", "--quiet",
            ], environment: environment)
        #expect(compared.status == 0, "\(compared.errors)")
        let names = try NPZReader(workspace.file("d.npz")).names
        #expect(names.contains("attention.tiny") && names.contains("attention.tiny-model.safetensors.index"))
    }

    @Test func refusalsOfTheHubAreOneLine() throws {
        let workspace = try Workspace()
        try photo(workspace)
        var repository = try repository()
        repository.token = "hf_secret"
        let served = repository
        let rack = TestServer.Rack()
        let server = try rack.serve { request, _ in served.response(to: request) }
        func pull(_ name: String, token: String? = nil) throws -> Program.Outcome {
            try workspace.run(
                ["models", "pull", name],
                environment: Self.alone(workspace, hub: server.url("")).merging(["HF_TOKEN": token]) { $1 })
        }
        let gated = try pull("hf:own/tiny")
        #expect(gated.status == 69)
        #expect(
            gated.errors
                == "vitvideo: cannot download hf:own/tiny: the repository is gated (HTTP status 401); accept its "
                + "terms at \(server.url("/own/tiny")), and set HF_TOKEN to a token of your account\n")
        let other = try pull("hf:own/tiny", token: "hf_other")
        #expect(other.status == 69 && other.errorLines.count == 1 && !other.errors.contains("HF_TOKEN"))
        #expect(!other.errors.contains("hf_other"))
        let unknown = try pull("hf:own/nothing")
        #expect(unknown.status == 69 && unknown.errors.contains("no such repository"))
        let malformed = try pull("hf:tiny")
        #expect(malformed.status == 64 && malformed.errors.contains("write hf:owner/name"))
        let run = try workspace.run(
            ["photo.png", "-o", "out.png", "--model", "hf:tiny"], environment: Self.alone(workspace))
        #expect(run.status == 64 && run.errors.contains("write hf:owner/name"), "\(run.errors)")
        #expect(try workspace.contents == ["cache", "photo.png"])
        #expect(FileSystem.tree(in: workspace.file("cache")) == ["hf"])
        // A token that was left by logging in opens it.
        try FileSystem.makeDirectories(workspace.file(".cache/huggingface"))
        try workspace.write("hf_secret\n".utf8, to: ".cache/huggingface/token")
        #expect(try pull("hf:own/tiny").status == 0)
    }

    // MARK: Importing

    @Test func aDirectoryIsImportedUnderItsName() throws {
        let workspace = try Workspace()
        try photo(workspace)
        let environment = Self.alone(workspace)
        let source = Fixtures.golden("dinov3/gated_transformers").path
        let path = workspace.file("cache/imported/gated_transformers")
        let imported = try workspace.run(["models", "import", source], environment: environment)
        #expect(imported.status == 0 && imported.output == path + "\n", "\(imported.errors)")
        let file = Golden.path("plain", "weights")
        let second = try workspace.run(
            ["models", "import", file, "--name", "mine"], environment: environment)
        #expect(second.status == 0 && second.errors.contains("--num-heads"), "\(second.errors)")
        let list = try workspace.run(["models"], environment: environment)
        let lines = list.output.components(separatedBy: "\n")
        let heading = try #require(lines.firstIndex { $0.hasPrefix("imported ") })
        #expect(lines[heading - 1] == "")
        #expect(lines[heading + 1].hasPrefix("gated_transformers ") && lines[heading + 2].hasPrefix("mine "))

        let export = ["photo.png", "--resolution", "32", "--quiet", "--offline", "--export"]
        for (name, words) in [
            ("a.npz", ["--model", "gated_transformers"]), ("b.npz", ["--weights", source]),
            ("c.npz", ["--model", "mine", "--num-heads", "2", "--family", "vit"]),
            ("d.npz", ["--weights", file, "--num-heads", "2", "--family", "vit"]),
        ] {
            let outcome = try workspace.run(export + [name] + words, environment: environment)
            #expect(outcome.status == 0, "\(outcome.errors)")
        }
        #expect(try attention(workspace, "a.npz") == attention(workspace, "b.npz"))
        #expect(try attention(workspace, "c.npz") == attention(workspace, "d.npz"))
        let verified = try workspace.run(
            ["models", "verify", "gated_transformers"], environment: environment)
        #expect(verified.status == 0 && verified.output.hasPrefix(path))

        let taken = try workspace.run(["models", "import", source], environment: environment)
        #expect(taken.status == 73 && taken.errors.contains("choose another with --name"))
        for words in [
            ["--as", "dino", "--name", "x"], ["--checkpoint-key", "x"], ["--name", "dino"],
            ["--name", "a b"],
        ] {
            let refused = try workspace.run(["models", "import", source] + words, environment: environment)
            #expect(refused.status == 64 && refused.errorLines.count == 1, "\(refused.errors)")
        }
    }

    /// The published ONNX file becomes the weights that all the other tests run on.
    @Test func theDemosWeightsAreImported() throws {
        let workspace = try Workspace()
        let cache = ["VITVIDEO_CACHE": workspace.file("cache")]
        let onnx = Fixtures.media("vit_s_focus.onnx").path
        let imported = try workspace.run(
            ["models", "import", onnx, "--as", "dinov2_vits14"], environment: cache)
        #expect(imported.status == 0, "\(imported.errors)")
        let path = workspace.file("cache/dinov2_vits14.safetensors")
        #expect(try workspace.run(["models", "path"], environment: cache).output == path + "\n")
        let verified = try workspace.run(["models", "verify"], environment: cache)
        #expect(verified.status == 0)
        let hash = try #require(verified.output.split(separator: " ").last)
        #expect(try workspace.run(["models", "verify"]).output.hasSuffix(" \(hash)"))
        #expect(try workspace.contents == ["cache"])
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: workspace.file("cache"))
                .filter { !$0.hasSuffix(".lock") } == ["dinov2_vits14.safetensors"])
    }

    @Test func weightsOfAnotherModelAreRefused() throws {
        let workspace = try Workspace()
        let cache = ["VITVIDEO_CACHE": workspace.path]
        let onnx = Fixtures.media("vit_s_focus.onnx").path
        let outcome = try workspace.run(
            ["models", "import", onnx, "--as", "dinov2_vitb14"], environment: cache)
        #expect(outcome.status == 65)
        #expect(outcome.errorLines.count == 1 && outcome.errors.contains(onnx))
        #expect(try workspace.contents == [])
    }
}
