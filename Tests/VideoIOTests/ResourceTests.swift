import Fixtures
import Foundation
import Testing
import VideoIO

/// What a process that reads file after file must not gather.
@Suite struct ResourceTests {
    /// Sound files, damaged ones, and readers given up half-way.
    @Test func descriptorsDoNotGrowOverFiveHundredFiles() throws {
        let scratch = try Scratch()
        let sound = try scratch.clip("sound.mkv", frames: 12, ["-c:v", "libx264", "-g", "3"])
        let bytes = try Data(contentsOf: URL(fileURLWithPath: sound))
        let cut = try scratch.write(bytes.prefix(bytes.count * 2 / 3), to: "cut.mkv")
        let text = try scratch.write("no video".utf8, to: "text.mkv")
        for number in 0..<500 {
            switch number % 4 {
            case 0: #expect(try readAll(sound).frames.count == 12)
            case 1: _ = try VideoReader.open(sound).nextFrame()
            case 2: #expect(try readAll(cut).has(.damage))
            default: #expect(failure { try readAll(text) }?.kind == .badData)
            }
        }
        let left = try scratch.openFiles
        #expect(left == [])
        RobustnessTable.count("growth: open files over 500 files", tried: 500, passed: 500 - left.count)
    }
}
