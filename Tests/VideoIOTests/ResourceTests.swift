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
        let cut = scratch.file("cut.mkv")
        try bytes.prefix(bytes.count * 2 / 3).write(to: URL(fileURLWithPath: cut))
        let empty = scratch.file("text.mkv")
        try Data("no video".utf8).write(to: URL(fileURLWithPath: empty))
        for number in 0..<500 {
            switch number % 4 {
            case 0: #expect(try readAll(sound).frames.count == 12)
            case 1: _ = try VideoReader.open(sound).nextFrame()
            case 2: #expect(try readAll(cut).has(.damage))
            default: #expect(failure { try readAll(empty) }?.kind == .badData)
            }
        }
        let left = openFiles(below: scratch.path)
        #expect(left == [])
        RobustnessTable.count("growth: open files over 500 files", tried: 500, passed: 500 - left.count)
    }

    /// Files of a directory that this process has open. Other tests run at the same time in directories of their own.
    private func openFiles(below directory: String) -> [String] {
        let folder = "/proc/self/fd"
        let numbers = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return numbers.compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)")
        }.filter { $0.hasPrefix(directory) }
    }
}
