import Base
import Fixtures
import Pipeline
import Pixels
import Probing
import Testing
import ViT
import VideoIO

@Suite struct RecordingTests {
    @Test func keepsInStepAtAnotherFrameRate() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("slow.mp4")
        try writeClip(path, frames: 10, framesPerSecond: 10)
        let recording = try Recording(path: path)
        #expect(recording.name == "slow")
        #expect(recording.height == 48 && recording.width == 64)
        for index in 0..<25 {
            let shown = try recording.frame(at: Double(index) / 25)
            // The last frame at or before k/25 s of ten a second.
            #expect(shown.index == index * 10 / 25)
            expectShown(shown.image, frame: index * 10 / 25)
        }
    }

    @Test func skipsFramesOfAFasterRecording() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("fast.mp4")
        try writeClip(path, frames: 20, framesPerSecond: 30)
        let recording = try Recording(path: path)
        for index in 0..<7 { #expect(try recording.frame(at: Double(index) / 10).index == index * 3) }
    }

    @Test func aMillisecondClockDoesNotLag() throws {
        let directory = try TemporaryDirectory()
        let (exact, rounded) = (directory.file("exact.mp4"), directory.file("rounded.mkv"))
        try writeClip(exact, frames: 20, framesPerSecond: 30)
        try writeClip(rounded, frames: 20, framesPerSecond: 30)
        for (clip, other) in [(exact, rounded), (rounded, exact)] {
            let recording = try Recording(path: other)
            let reader = try VideoReader.open(clip)
            while let frame = try reader.nextFrame() {
                #expect(try recording.frame(at: frame.time.seconds).index == frame.index)
            }
        }
    }

    @Test func theEndsGoOn() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("short.mp4")
        try writeClip(path, frames: 3, framesPerSecond: 10)
        let recording = try Recording(path: path)
        #expect(try recording.frame(at: -1).index == 0)
        #expect(try recording.frame(at: 0.15).index == 1)
        #expect(try recording.frame(at: 100).index == 2)
        #expect(try recording.frame(at: 200).index == 2)
    }

    @Test func aMissingRecordingIsAnError() {
        #expect(throws: VitvideoError.self) { try Recording(path: "/no/such/heatmap.mp4") }
    }
}

@Suite struct RecordedMapTests {
    /// The grid of 4×4 patches of 4 pixels on frames of 18×17, so that 2 rows and 1 column are left over.
    static func layout() throws -> InputLayout {
        try TinyModels.source("plain", shortSide: 17).layout(height: 18, width: 17)
    }

    /// Each pixel's patch as its heat, and 9 in what is left over.
    static func heat(height: Int, width: Int) -> Plane {
        var heat = Plane(height: height, width: width, repeating: 9)
        for row in 0..<min(height, 16) {
            for column in 0..<min(width, 16) { heat[row, column] = Float(row / 4 * 4 + column / 4) }
        }
        return heat
    }

    static func expectPatches(_ map: Plane, upTo tolerance: Float) {
        #expect(map.height == 4 && map.width == 4)
        for (index, value) in map.values.enumerated() { #expect(abs(value - Float(index)) <= tolerance) }
    }

    @Test func whatLiesBesideTheGridDoesNotCount() throws {
        let map = RecordedMap.resample(
            Self.heat(height: 18, width: 17), to: try Self.layout(), frameHeight: 18, frameWidth: 17)
        Self.expectPatches(map, upTo: 1e-5)
    }

    @Test func aCroppedRecordingIsNotStretched() throws {
        let map = RecordedMap.resample(
            Self.heat(height: 16, width: 16), to: try Self.layout(), frameHeight: 18, frameWidth: 17)
        Self.expectPatches(map, upTo: 1e-5)
    }

    @Test func aScaledRecordingIsScaledBack() throws {
        // Four times the size: pixels repeated.
        let large = AreaAverage.resample(Self.heat(height: 18, width: 17), rows: 72, columns: 68)
        let map = RecordedMap.resample(large, to: try Self.layout(), frameHeight: 18, frameWidth: 17)
        Self.expectPatches(map, upTo: 1e-4)
    }
}
