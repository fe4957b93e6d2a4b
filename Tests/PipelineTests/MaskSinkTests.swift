import Base
import Fixtures
import Methods
import Pixels
import Probing
import Testing
import ViT

@testable import Pipeline

/// Masks of frames, made of the maps as the method says.
@Suite struct MaskSinkTests {
    /// Says how its maps become masks, and gives none itself.
    private struct Source: PlainMapSource {
        let probed: ProbedModel
        let method: Method
        let computation = "", summary = "", fusedName = "mean"
        let notice: String? = nil
        let partNames: [String] = []
        let arrays: [MapArray] = []

        init(_ rule: Method.MaskRule) throws {
            probed = try TinyModels.probed("plain", shortSide: 48)
            method = Method(name: "given", summary: "", arrays: [], masks: rule) { _ in
                throw VitvideoError(.software, reason: "the source is there already")
            }
        }

        func describe(in provenance: inout Provenance) {}

        func makeExtractor(threads: Int) throws -> (RGBImage) throws -> FrameMaps {
            throw VitvideoError(.software, reason: "maps are given")
        }
    }

    private final class Collector: MaskOutput {
        private(set) var masks: [IndexMask] = []
        private(set) var frames: [Int] = []
        let partialName: String?
        let temporaryPaths = ["hidden"]

        init(partialName: String? = nil) { self.partialName = partialName }

        func add(_ mask: IndexMask, frame: Int, timeSeconds: Double) throws {
            masks.append(mask)
            frames.append(frame)
        }

        func finish() throws {}
        func finishPartial() throws -> String? { partialName }
        func abandon() {}
    }

    /// A map of 12 × 16 patches of 4 pixels, half of it below 0 or 0.
    private static let map: Plane = {
        var generator = SplitMix64(seed: 8)
        return Plane(
            height: 12, width: 16,
            values: (0..<192).map { _ in max(0, Float.random(in: -1...1, using: &generator)) })
    }()

    @Test(arguments: [Method.MaskRule.mass, .map]) func masksAreMadeAsTheMethodSays(
        rule: Method.MaskRule
    ) throws {
        let collector = Collector()
        let sink = try MaskSink(
            source: Source(rule), mass: 0.3, frameHeight: 48, frameWidth: 66, outputs: [collector])
        let maps = FrameMaps(parts: [], fused: Self.map)
        for frame in [3, 5] {
            try sink.consume(FrameNumbers(index: frame, timeSeconds: 1, maps: [maps], recordedMaps: []))
        }
        #expect(collector.frames == [3, 5] && collector.masks[0] == collector.masks[1])
        let cells = rule == .map ? Self.map : MassThreshold.mask(of: Self.map, mass: 0.3)
        let mask = collector.masks[0]
        #expect((mask.height, mask.width) == (48, 66))
        for row in 0..<48 {
            for column in 0..<66 {
                // The last two pixels lie beyond the last patch, whose edge goes on.
                let cell = cells[row / 4, min(15, column / 4)]
                #expect((mask[row, column] == 1) == (cell > 0), "\(row), \(column)")
            }
        }
        #expect(mask.objects == [1])
    }

    @Test func endingsAreThoseOfTheOutputs() throws {
        let outputs = [Collector(partialName: "a"), Collector(), Collector(partialName: "c")]
        let sink = try MaskSink(
            source: Source(.mass), mass: 0.6, frameHeight: 48, frameWidth: 64, outputs: outputs)
        #expect(try sink.finishPartial() == ["a", "c"])
        #expect(sink.temporaryPaths == ["hidden", "hidden", "hidden"])
    }
}
