import Base
import Fixtures
import Foundation
import Testing

@testable import Server

/// A file that never comes to its end does not keep anybody waiting for ever.
@Suite struct FrameSourceTests {
    @Test func aReaderThatHangsIsGivenUp() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("pipe.mkv")
        #expect(mkfifo(path, 0o600) == 0)
        // With a writer that says nothing, reading neither fails nor ends.
        let writer = open(path, O_RDWR)
        let source = FrameSource(path: path, threads: 1, limitSeconds: 0.1)
        func isLate() -> Bool {
            do {
                _ = try source.frame(at: 0)
                return false
            } catch {
                return (error as? HTTPProblem)?.status == .gatewayTimeout
            }
        }
        #expect(isLate() && isLate())
        // Once the writer is gone the reader comes back by itself, and the next one finds another file there.
        unlink(path)
        try directory.write("no video".utf8, to: "pipe.mkv")
        close(writer)
        while isLate() {}
        #expect(throws: VitvideoError.self) { try source.frame(at: 0) }
    }
}
