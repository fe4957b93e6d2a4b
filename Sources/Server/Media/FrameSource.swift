import Base
import Pixels
import VideoIO

/// Frames of one video or picture by their number.
///
/// Going forward by a few frames reads on; any other step opens the file anew at that frame. One thread at a time reads,
/// the others wait. A reader that hangs is given up after a while; until it comes back by itself, the file is refused.
final class FrameSource: Sendable {
    /// How long one frame may take.
    private let limitSeconds: Double
    /// As far ahead as reading on is quicker than opening anew.
    private static let readAhead = 32

    private let path: String
    private let threads: Int
    private let reading = Monitor(Reading())

    private struct Reading {
        var isBusy = false
        var reader: VideoReader?
        /// The frame that the reader gives next.
        var next = 0
    }

    /// - Parameters:
    ///   - threads: of the decoder.
    ///   - limitSeconds: how long one frame may take.
    init(path: String, threads: Int, limitSeconds: Double = 30) {
        self.path = path
        self.threads = threads
        self.limitSeconds = limitSeconds
    }

    /// What the file says of itself.
    ///
    /// - Throws: `VitvideoError`, and `HTTPProblem` where it takes too long.
    func info() throws -> VideoInfo {
        try exclusively { [path, threads] reading in
            let reader = try VideoReader.open(
                path, options: ReaderOptions(keepAudio: false, threads: threads))
            (reading.reader, reading.next) = (reader, 0)
            return reader.info
        }
    }

    /// - Throws: `VitvideoError`, and `HTTPProblem`: 404 where there is no such frame, 504 where it takes too long.
    func frame(at index: Int) throws -> VideoFrame {
        try exclusively { [path, threads, limitSeconds] reading in
            let deadline = ContinuousClock.Instant.now + .seconds(limitSeconds)
            if reading.reader == nil || index < reading.next || index > reading.next + Self.readAhead {
                reading.reader?.close()
                reading.reader = nil
                let frames = index == 0 ? FrameSelection.all : try FrameSelection(slice: "\(index):")
                do {
                    reading.reader = try VideoReader.open(
                        path, options: ReaderOptions(frames: frames, keepAudio: false, threads: threads))
                } catch let error as VitvideoError where index > 0 && error.kind == .badData {
                    throw HTTPProblem(.notFound, "there is no frame \(index)")
                }
                reading.next = index
            }
            while let frame = try reading.reader?.nextFrame() {
                reading.next = frame.index + 1
                if frame.index >= index { return frame }
                if ContinuousClock.now > deadline { throw TimeLimit.Exceeded() }
            }
            throw HTTPProblem(.notFound, "there is no frame \(index)")
        }
    }

    private var late: HTTPProblem {
        HTTPProblem(.gatewayTimeout, "the file takes more than \(limitSeconds) s to read; it may be damaged")
    }

    /// Runs `body` while no other thread reads.
    private func exclusively<Value: Sendable>(
        _ body: @escaping @Sendable (inout Reading) throws -> Value
    ) throws -> Value {
        let begun: Reading? = reading.wait(atMost: limitSeconds) { state in
            if state.isBusy { return nil }
            state.isBusy = true
            return state
        }
        guard let begun else { throw late }
        do {
            return try TimeLimit.run(seconds: limitSeconds, name: "frames") { [reading] in
                var current = begun
                // Also where it comes back after it was given up.
                defer {
                    current.isBusy = false
                    let left = current
                    reading.change { $0 = left }
                }
                do {
                    return try body(&current)
                } catch {
                    current.reader?.close()
                    current.reader = nil
                    throw error
                }
            }
        } catch is TimeLimit.Exceeded {
            throw late
        }
    }

    /// Closes the file, unless a thread is reading it.
    func close() {
        reading.change { state in
            guard !state.isBusy else { return }
            state.reader?.close()
            state.reader = nil
        }
    }
}
