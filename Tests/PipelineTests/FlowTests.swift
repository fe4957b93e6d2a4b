import Fixtures
import ModelZoo
import Pixels
import Probing
import Testing
import ViT
import VideoIO

/// Attention flow of the published DINOv2 ViT-S/14 on a real frame.
@Suite struct FlowTests {
    private static func spread(_ values: [Double]) -> Double {
        let mean = values.reduce(0, +) / Double(values.count)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
        return variance.squareRoot() / mean
    }

    /// The last three blocks give a map of their own, neither flat nor the last attention. Through many blocks every
    /// patch is at the bound that the first of them sets: what lies above makes no difference.
    @Test func ofARealFrame() throws {
        let model = try ModelCache.standard().load(ModelZoo.entry(named: "dinov2_vits14"))
        let input = try Preprocessor(configuration: model.configuration, resolution: .shortSide(98))
            .patches(of: try StillImage.read(Fixtures.media("frames/full.png").path))
        let pass = try ForwardPass(model: model)
        func flows(_ blocks: Range<Int>) throws -> [Double] {
            try AttentionFlow(pass: pass, blocks: blocks).patchFlows(input).flows
        }
        let (last, three) = (try flows(11..<12), try flows(9..<12))
        #expect(Self.spread(three) > 0.2 && Set(three).count > three.count * 9 / 10)
        let (lastSum, threeSum) = (last.reduce(0, +), three.reduce(0, +))
        let difference = zip(last, three).reduce(0) { $0 + abs($1.0 / lastSum - $1.1 / threeSum) }
        #expect(difference > 0.2, "\(difference)")
        let (eleven, twelve) = (try flows(0..<11), try flows(0..<12))
        #expect(zip(eleven, twelve).allSatisfy { abs($0 - $1) < 1e-5 } && Self.spread(twelve) > 0.05)
        print("flow of a real frame: spread \(Self.spread(three)), from the last attention \(difference)")
    }
}
