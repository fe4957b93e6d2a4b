import Fixtures
import Foundation
import Pipeline
import Pixels
import Testing
import VideoIO

/// Frames looked at before a run, and the run that has all of them nevertheless.
@Suite struct FrameSamplerTests {
    /// The levels of the frames a sampler shows.
    private func shown(_ sampler: FrameSampler) throws -> [Int] {
        var levels: [Int] = []
        try sampler.forEachFrame { levels.append(Int($0[24, 32].green)) }
        return levels
    }

    private func expectLevels(
        _ levels: [Int], frames: [Int], at location: SourceLocation = #_sourceLocation
    ) {
        #expect(levels.count == frames.count, sourceLocation: location)
        for (found, frame) in zip(levels, frames) {
            #expect(abs(found - Int(level(frame))) <= 4, sourceLocation: location)
        }
    }

    @Test func aFileIsSampledOverItsSelection() throws {
        let directory = try TemporaryDirectory()
        let clip = directory.file("clip.mp4")
        try writeClip(clip, frames: 60, framesPerSecond: 25)
        for (slice, places) in [
            ("0:", (0..<16).map { $0 * 60 / 16 }), ("10:50:2", (0..<16).map { 10 + 2 * ($0 * 20 / 16) }),
            ("57:", [57, 58, 59]),
        ] {
            let selection = try FrameSelection(slice: slice)
            let reader = try VideoReader.open(clip, options: ReaderOptions(frames: selection))
            let sampler = FrameSampler(reader: reader, path: clip, selection: selection)
            expectLevels(try shown(sampler), frames: places)
            #expect(try shown(sampler) == shown(sampler))
            #expect(sampler.leadingFrames.isEmpty)
            // The run's own reader has lost nothing.
            #expect(try reader.nextFrame()?.index == places[0])
        }
    }

    @Test func aPictureIsItsOnlySample() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("one.png")
        try StillImage.write(RGBImage(height: 48, width: 64, gray: level(3)), to: path)
        let sampler = FrameSampler(reader: try VideoReader.open(path), path: path, selection: .all)
        expectLevels(try shown(sampler), frames: [3])
    }

    /// A pipe is read once: its first frames are shown and then begin the run.
    @Test func aPipeGivesItsFirstFrames() throws {
        let directory = try TemporaryDirectory()
        let (clip, pipe) = (directory.file("clip.mkv"), directory.file("pipe"))
        try writeClip(clip, frames: 30, framesPerSecond: 25)
        try #require(mkfifo(pipe, 0o600) == 0)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: clip))
        let writer = Thread {
            // Without a reader left the write fails, which is the end of it.
            let handle = FileHandle(forWritingAtPath: pipe)
            try? handle?.write(contentsOf: bytes)
            try? handle?.close()
        }
        writer.start()
        let reader = try VideoReader.open(pipe, options: ReaderOptions(keepAudio: false))
        #expect(!reader.info.canReopen)
        let sampler = FrameSampler(reader: reader, path: pipe, selection: .all)
        expectLevels(try shown(sampler), frames: Array(0..<FrameSampler.leadingCount))
        expectLevels(try shown(sampler), frames: Array(0..<FrameSampler.leadingCount))
        let collector = CollectingSink()
        let job = AnnotationJob(
            reader: reader, leadingFrames: sampler.leadingFrames, analysis: Analysis(sources: []),
            workers: 2, sinks: [collector], stop: StopRequest())
        #expect(try job.runQuietly() == .complete(frames: 30))
        #expect(collector.frames.map(\.frame.index) == Array(0..<30))
        for (index, frame) in collector.frames.enumerated() { expectShown(frame.frame.image, frame: index) }
    }
}
