import Fixtures
import Foundation
import Testing

@testable import Checkpoints

/// Temporary files of processes that were killed, and of those that are alive.
@Suite("Abandoned temporary files")
struct AbandonedFileTests {
    let directory: TemporaryDirectory
    var path: String { directory.file("maps.npz") }

    init() throws { directory = try TemporaryDirectory() }

    @Test("what a killed process left beside an output is removed by the next that writes it")
    func leftovers() throws {
        for name in [".maps.npz.1a2b.tmp", ".maps.npz.1a2b.tmp.zip", ".maps.npz.3c.tmp.zip.XyZ123"] {
            try directory.write([1], to: name)
        }
        let others = [".maps.npz.notes", ".other.npz.1a2b.tmp", "maps.npz.1.tmp"]
        for name in others { try directory.write([1], to: name) }
        let writer = try NPZWriter(path, overwrite: false)
        #expect(try directory.contents == others.sorted())
        try writer.add("a", shape: [1], [Float(1)])
        try writer.finish()
        #expect(try directory.contents == (others + ["maps.npz"]).sorted())
    }

    @Test("what a living process writes stays")
    func living() throws {
        let (descriptor, temporary) = try makeTemporaryFile(beside: path)
        try directory.write([1], to: (temporary as NSString).lastPathComponent + ".zip")
        let before = try directory.contents
        #expect(before.count == 2)
        removeAbandonedFiles(beside: path)
        #expect(try directory.contents == before)
        close(descriptor)
        removeAbandonedFiles(beside: path)
        #expect(try directory.contents == [])
    }

    @Test("of two archives for one name the first keeps it")
    func collision() throws {
        let writers = try (0..<2).map { _ in try NPZWriter(path, overwrite: false) }
        for (number, writer) in writers.enumerated() { try writer.add("a", shape: [1], [Float(number)]) }
        try writers[0].finish()
        #expect(throws: CheckpointError.self) { try writers[1].finish() }
        #expect(try Checkpoint.open(path).floats("a") == [0])
        #expect(try directory.contents == ["maps.npz"])
    }
}
