import Base
import Checkpoints
import Fixtures
import ModelZoo
import Pixels
import Testing
import ViT
import VideoIO

/// The published DINOv2 ViT-S/14 on real frames, against timm.
@Suite struct RealWeightsTests {
    static func frame(_ name: String) throws -> RGBImage {
        try StillImage.read(Fixtures.media("frames/\(name).png").path)
    }

    /// Every head of a middle and of the last block, with the position rule of torch.hub (this family's
    /// default) and of timm.
    @Test(arguments: ["square", "wide"], [PositionInterpolation.scaled, .antialiased])
    func attention(frameName: String, rule: PositionInterpolation) throws {
        let golden = try Checkpoint.open(Fixtures.golden("real/dinov2_vits14.safetensors").path)
        let model = try ModelCache.standard().load(
            ModelZoo.entry(named: "dinov2_vits14"), told: ModelFacts(positionInterpolation: rule))
        let patches = try Preprocessor(configuration: model.configuration, resolution: .native)
            .patches(of: try Self.frame(frameName))
        let result = try ForwardPass(model: model).run(
            patches, ForwardRequest(attentionBlocks: [5, 11], wantsTokens: true))
        for block in [5, 11] {
            let expected = try golden.floats("\(frameName)/\(rule.rawValue)/attention.\(block)")
            let found = try #require(result.attention[block])
            #expect(found.values.count == expected.count)
            let worst = zip(found.values, expected).map { abs($0 - $1) }.max() ?? .infinity
            #expect(worst <= 1e-4, "block \(block): \(worst)")
            let patches = found.rows * found.columns
            for head in 0..<found.heads {
                let range = head * patches..<(head + 1) * patches
                #expect(
                    range.max { found.values[$0] < found.values[$1] }
                        == range.max { expected[$0] < expected[$1] },
                    "the hottest patch of head \(head)")
            }
        }
        let token = try golden.floats("\(frameName)/\(rule.rawValue)/cls")
        #expect(relativeError(result.tokens[..<token.count], token) <= 1e-4)
    }

    /// Neurons behind the activation, as PyTorch's hooks see them: chosen ones patch by patch, and what all do on the
    /// average. On two threads, whose tiles come in any order.
    @Test(arguments: [1, 2]) func neurons(threads: Int) throws {
        let golden = try Checkpoint.open(Fixtures.golden("real/dinov2_vits14_neurons.safetensors").path)
        let model = try ModelCache.standard().load(ModelZoo.entry(named: "dinov2_vits14"))
        let patches = try Preprocessor(configuration: model.configuration, resolution: .native)
            .patches(of: try Self.frame("wide"))
        let (blocks, indices) = ([0, 5, 11], [0, 120, 777, 1535])
        var request = ForwardRequest(attentionBlocks: [])
        request.neurons = blocks.flatMap { block in indices.map { NeuronAddress(block: block, index: $0) } }
        request.neuronMomentBlocks = Set(blocks)
        let pass = try ForwardPass(engine: try Engine(model: model), threads: threads)
        let result = try pass.run(patches, request)
        for (place, block) in blocks.enumerated() {
            let maps = result.neurons[place * indices.count..<(place + 1) * indices.count].flatMap { $0 }
            let expected = try golden.floats("\(block)/maps")
            #expect(Set(expected).count > 100, "the maps are not flat")
            #expect(relativeError(maps, expected) <= 1e-4, "block \(block)")
            let moments = try #require(result.neuronMoments[block])
            #expect(relativeError(moments.mean, try golden.floats("\(block)/mean")) <= 1e-4)
            #expect(relativeError(moments.meanSquare, try golden.floats("\(block)/mean_square")) <= 1e-4)
        }
        // The pass ends in the last block that is asked for.
        request.neurons = [NeuronAddress(block: 5, index: 120)]
        request.neuronMomentBlocks = []
        let early = try pass.run(patches, request)
        #expect(early.neurons[0] == result.neurons[5] && early.neuronMoments.isEmpty)
        request.neurons = [NeuronAddress(block: 5, index: 1536)]
        #expect(throws: VitvideoError.self) { _ = try pass.run(patches, request) }
    }

    /// A real frame, at seeded positions.
    @Test(arguments: [(448, 796), (224, 398)]) func resizeOfAFrame(height: Int, width: Int) throws {
        let golden = try Checkpoint.open(Fixtures.golden("real/resize_frame.safetensors").path)
        let image = try Self.frame("full")
        let planes = PreprocessorTests.resized(image, height: height, width: width)
        let indices = try golden.floats("\(height)/index").map { Int($0) }
        let expected = try golden.floats("\(height)/float")
        var sum: Float = 0
        for (index, wanted) in zip(indices, expected) {
            let (position, channel) = (index / 3, index % 3)
            sum += abs(planes[channel * height * width + position] - wanted)
        }
        let mean = sum / Float(expected.count)
        #expect(mean < 1e-5, "mean difference \(mean)")
    }

}
