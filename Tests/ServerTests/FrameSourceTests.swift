import Fixtures
import Foundation
import Pipeline
import Testing

@testable import Server

/// A file that never comes to its end does not keep anybody waiting for ever.
@Suite struct FrameSourceTests {
    @Test func aReaderThatHangsIsGivenUp() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("pipe.mkv")
        #expect(mkfifo(path, 0o600) == 0)
        let source = FrameSource(path: path, threads: 1, limitSeconds: 0.1)
        for _ in 0..<2 {
            do {
                _ = try source.frame(at: 0)
                Issue.record("there is nothing to read")
            } catch {
                #expect((error as? HTTPProblem)?.status == .gatewayTimeout)
            }
        }
        // The other end is opened and closed: the reader comes back by itself, and finds nothing.
        let writer = open(path, O_WRONLY)
        close(writer)
        while true {
            do {
                _ = try source.frame(at: 0)
            } catch let problem as HTTPProblem where problem.status == .gatewayTimeout {
                let again = open(path, O_WRONLY | O_NONBLOCK)
                if again >= 0 { close(again) }
                continue
            } catch {
                break
            }
        }
    }
}
