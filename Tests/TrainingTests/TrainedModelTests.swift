import Base
import Checkpoints
import Files
import Fixtures
import Testing
import ViT

@testable import Training

/// The files of trained models.
@Suite struct TrainedModelTests {
    /// Plain shapes, with what each has of its own.
    static let plain: [(String, @Sendable (inout TrainedShape) -> Void)] = [
        ("class token", { _ in }),
        ("mean", { $0.reading = .meanPatch }),
        (
            "mean without class token",
            {
                $0.reading = .meanPatch
                $0.hasClassToken = false
            }
        ),
        ("sine and cosine", { $0.positions = .sineCosine }),
        (
            "registers and LayerScale",
            {
                $0.registers = 3
                $0.hasLayerScale = true
                $0.layerNormEpsilon = 1e-3
            }
        ),
    ]

    /// A plain model computes what the program computes of its file.
    @Test(arguments: plain.indices)
    func plainModelIsAnOrdinaryCheckpoint(index: Int) throws {
        let (name, change) = Self.plain[index]
        var shape = TrainedShape(
            side: 12, patchSize: 3, width: 24, depth: 3, heads: 3, feedForwardWidth: 40, classes: 7)
        change(&shape)
        #expect(shape.isPlain)
        let engine = try TrainingEngine(shape, threads: 1)
        var draw = SplitMix64(seed: 3)
        for i in 0..<engine.layout.count { engine.parameters.start[i] = 0.3 * draw.normal() }
        let directory = try TemporaryDirectory()
        let normalization = Normalization(mean: [0.1, 0.2, 0.3], deviation: [0.9, 0.8, 0.7])
        try TrainedModelFile.write(
            engine, normalization: normalization, classNames: (0..<7).map { "class \($0)" },
            to: directory.file("model.safetensors"))

        let model = try Model.load(directory.file("model.safetensors"))
        #expect(model.configuration.normalization == normalization)
        #expect(model.configuration.layerNormEpsilon == shape.layerNormEpsilon)
        #expect(model.configuration.heads == 3 && model.configuration.nativeRows == 4)
        #expect(model.account.notices.isEmpty, "\(model.account.notices)")
        let pixels = (0..<shape.pictureValues).map { _ in draw.normal() }
        let expected = try engine.logits(pixels, count: 1)
        let input = Preprocessor(configuration: model.configuration, resolution: .native).patches(
            ofPlanes: pixels, rows: 4, columns: 4)
        let logits = try logits(of: model, input)
        let error = relativeError(logits, expected)
        print("\(name): logits within \(error)")
        #expect(error < 1e-5)
    }

    private func logits(of model: Model, _ input: PatchMatrix) throws -> [Float] {
        let engine = try Engine(model: model)
        let classifier = try #require(Classifier(ownOf: model))
        var request = ForwardRequest(attentionBlocks: [])
        classifier.require(of: &request)
        return classifier.logits(try ForwardPass(engine: engine).run(input, request))
    }

    @Test(arguments: ["keras", "heads"])
    func otherModelSaysItsShape(name: String) throws {
        let golden = try TrainingGolden(name)
        #expect(!golden.shape.isPlain)
        let engine = try golden.makeEngine()
        let directory = try TemporaryDirectory()
        try TrainedModelFile.write(
            engine, normalization: .half, classNames: ["a", "b,\"", "c", "d", "e", "f"],
            to: directory.file("model.safetensors"))
        let file = try Checkpoint.open(directory.file("model.safetensors"))
        #expect(file.metadata["family"] == TrainedModelFile.family)
        let json = try JSONValue(Array((file.metadata["shape"] ?? "").utf8))
        #expect(try TrainedShape(json: json) == golden.shape)
        #expect(file.names.count == engine.layout.parameters.count)
        let names = try JSONValue(Array((file.metadata["class_names"] ?? "").utf8)).array?.map(\.string)
        #expect(names?[1] == "b,\"")
    }

    @Test func parametersThatAreNoNumbersAreNotWritten() throws {
        let golden = try TrainingGolden("plain")
        let engine = try golden.makeEngine()
        engine.parameters.start[0] = .nan
        let directory = try TemporaryDirectory()
        #expect(throws: VitvideoError.self) {
            try TrainedModelFile.write(
                engine, normalization: .half, classNames: [], to: directory.file("model.safetensors"))
        }
        #expect(try directory.contents.isEmpty)
    }
}
