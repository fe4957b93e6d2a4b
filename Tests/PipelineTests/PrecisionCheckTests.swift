import Base
import Fixtures
import Methods
import ModelZoo
import Testing
import ViT
import VideoIO

@testable import Pipeline

/// What a coarser precision costs, on the published DINOv2 ViT-S/14 and a real frame.
@Suite struct PrecisionCheckTests {
    static func probed() throws -> ProbedModel {
        let entry = try ModelZoo.entry(named: "dinov2_vits14")
        return ProbedModel(try ModelCache.standard().load(entry), resolution: .shortSide(224))
    }

    /// bfloat16 stays within 1 of 255, 8-bit integers within the limit; where the CPU has not got them, they are
    /// refused and not emulated.
    @Test(arguments: [(Precision.bfloat16, 1.0), (.int8, PrecisionCheck.limit)])
    func realWeights(precision: Precision, limit: Double) throws {
        let probed = try Self.probed()
        let frame = try StillImage.read(Fixtures.media("frames/wide.png").path)
        do {
            let engine = try Engine(model: probed.model, precision: precision)
            let check = try PrecisionCheck(
                probed, engine: engine, reference: try Engine(model: probed.model), on: frame, threads: 2)
            #expect(check.meanDifference > 0 && check.meanDifference <= limit, "\(check.text)")
            try check.verify(engine)
        } catch let error as VitvideoError {
            #expect(error == .precisionUnavailable(precision.rawValue, error.reason))
            #expect(error.reason.hasPrefix("this CPU"))
        }
    }

    @Test func whatIsTooFarOffIsRefused() throws {
        let probed = try TinyModels.probed("plain", shortSide: 48)
        let engine = try Engine(model: probed.model)
        let frame = try StillImage.read(Fixtures.media("frames/wide.png").path)
        let same = try PrecisionCheck(probed, engine: engine, reference: engine, on: frame, threads: 1)
        #expect(same.meanDifference == 0)
        for bearable in [0, PrecisionCheck.limit] {
            try PrecisionCheck(meanDifference: bearable).verify(engine)
        }
        for excessive in [PrecisionCheck.limit + 0.1, .infinity, .nan] {
            let refusal = #expect(throws: VitvideoError.self) {
                try PrecisionCheck(meanDifference: excessive).verify(engine)
            }
            #expect(refusal?.kind == .usage && refusal?.nextStep == .usePrecision(["bf16", "fp32"]))
        }
    }
}
