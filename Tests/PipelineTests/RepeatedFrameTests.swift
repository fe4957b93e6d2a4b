import Fixtures
import Methods
import Pipeline
import Pixels
import Synchronization
import Testing
import ViT
import VideoIO

/// Frames that equal the one before are not computed again, and lack nothing.
@Suite struct RepeatedFrameTests {
    /// Gives the frame's gray level as its map, and counts how often it is asked.
    private final class CountingSource: PlainMapSource {
        let count = Mutex(0)
        let probed: ProbedModel
        let method = Method.attention
        let computation = "", summary = "", fusedName = "mean"
        let notice: String? = nil
        let partNames: [String] = []
        let arrays: [MapArray] = []

        init() throws { probed = try TinyModels.probed("plain", shortSide: 48) }

        func describe(in provenance: inout Provenance) {}

        func makeExtractor(threads: Int) throws -> (RGBImage) throws -> FrameMaps {
            { [self] image in
                count.withLock { $0 += 1 }
                let level = Float(image[0, 0].green)
                return FrameMaps(parts: [], fused: Plane(height: 1, width: 1, values: [level]))
            }
        }
    }

    @Test func eachRunIsComputedOnce() throws {
        let directory = try TemporaryDirectory()
        let clip = directory.file("clip.mkv")
        let levels: [UInt8] = [10, 10, 10, 60, 60, 10, 200, 200, 200, 200]
        let writer = try VideoWriter.create(
            clip, height: 48, width: 64,
            options: WriterOptions(
                codec: "ffv1", frameRate: Rational(25, 1), timeBase: Rational(1, 1000)))
        for (index, level) in levels.enumerated() {
            try writer.write(
                RGBImage(height: 48, width: 64, gray: level),
                at: FrameTime(
                    ptsTicks: Int64(index * 40), durationTicks: 40, timeBase: Rational(1, 1000)))
        }
        try writer.finish()

        let source = try CountingSource()
        let collector = CollectingSink()
        let job = AnnotationJob(
            reader: try VideoReader.open(clip), analysis: Analysis(sources: [source], maskMass: 0.6),
            workers: 3, sinks: [collector], stop: StopRequest())
        #expect(try job.runQuietly() == .complete(frames: 10))
        #expect(source.count.withLock { $0 } == 4)
        for (frame, level) in zip(collector.frames, levels) {
            #expect(abs(frame.maps[0].fused.values[0] - Float(level)) <= 2)
            #expect(frame.masks.count == 1)
        }
    }
}
