import Base
import Pixels
import VideoIO

/// What can be looked at of an input before the run: what methods fit to.
package protocol SampledInput {
    /// Shows some of its pictures, at most `FrameSampler.spreadCount`, in order; the same ones at every call.
    ///
    /// - Throws: `VitvideoError`, and what the body throws.
    func forEachFrame(_ body: (RGBImage) throws -> Void) throws

    /// The first picture; nil where there is none.
    ///
    /// - Throws: `VitvideoError`.
    func firstFrame() throws -> RGBImage?

    /// A frame by its index in the source, whatever the selection.
    ///
    /// - Throws: `VitvideoError` of kind `usage` where there is no such frame, and where it cannot be read beforehand.
    func frame(at index: Int) throws -> RGBImage
}

/// Some of a clip's frames, looked at before the run: spread over the selection where the input can be read
/// twice, else its first frames, which are kept for the run.
package final class FrameSampler: SampledInput {
    /// Frames taken from an input that can be read twice.
    package static let spreadCount = 16
    /// Frames taken from the beginning of one that cannot; they stay in memory until the run has had them.
    package static let leadingCount = 8

    /// Frames that the reader has given away already, which the run has to begin with.
    package private(set) var leadingFrames: [VideoFrame] = []
    private let path: String
    private let selection: FrameSelection
    private let videoStream: Int?
    private let threads: Int
    private let reader: VideoReader
    private var hasRead = false

    /// - Parameters:
    ///   - reader: what the run reads, nothing taken from it yet.
    ///   - path: where it reads from.
    ///   - selection: which frames.
    ///   - videoStream: which of several video streams, as the reader was told.
    ///   - threads: of the decoder; 0 lets FFmpeg choose.
    package init(
        reader: VideoReader, path: String, selection: FrameSelection, videoStream: Int? = nil,
        threads: Int = 0
    ) {
        self.reader = reader
        self.path = path
        self.selection = selection
        self.videoStream = videoStream
        self.threads = threads
    }

    package func forEachFrame(_ body: (RGBImage) throws -> Void) throws {
        guard reader.info.canReopen, let count = reader.info.expectedFrameCount else {
            try readLeadingFrames()
            for frame in leadingFrames { try body(frame.image) }
            return
        }
        // The count may be an estimate: then the last are not met.
        let places = Set(Self.spread(over: count))
        let second = try secondReader()
        var position = 0
        var left = places.count
        while left > 0, let frame = try second.nextFrame() {
            if places.contains(position) {
                try body(frame.image)
                left -= 1
            }
            position += 1
        }
    }

    package func firstFrame() throws -> RGBImage? {
        if reader.info.canReopen { return try secondReader().nextFrame()?.image }
        try readLeadingFrames()
        return leadingFrames.first?.image
    }

    package func frame(at index: Int) throws -> RGBImage {
        guard reader.info.canReopen else {
            throw VitvideoError(
                .usage, reason: "frame \(index) cannot be looked at beforehand in what can be read but once",
                nextStep: .advice("write the input to a file first"))
        }
        let only = try FrameSelection(slice: "\(index):\(index + 1)")
        guard index >= 0, let frame = try secondReader(only).nextFrame() else {
            throw VitvideoError(.usage, reason: "the input has no frame \(index)")
        }
        return frame.image
    }

    /// Whether there are two frames at least, found by reading them: the expected count may be an estimate. False for
    /// an input that cannot be read twice.
    ///
    /// - Throws: `VitvideoError`.
    package func hasSeveralFrames() throws -> Bool {
        guard reader.info.canReopen, let count = reader.info.expectedFrameCount, count > 1 else {
            return false
        }
        let second = try secondReader()
        return try second.nextFrame() != nil && second.nextFrame() != nil
    }

    /// The first places of as many equal parts as there are samples.
    static func spread(over count: Int) -> [Int] {
        let samples = min(spreadCount, max(1, count))
        return (0..<samples).map { $0 * count / samples }
    }

    private func secondReader(_ frames: FrameSelection? = nil) throws -> VideoReader {
        try VideoReader.open(
            path,
            options: ReaderOptions(
                frames: frames ?? selection, keepAudio: false, threads: threads, videoStream: videoStream))
    }

    private func readLeadingFrames() throws {
        while !hasRead, leadingFrames.count < Self.leadingCount, let frame = try reader.nextFrame() {
            leadingFrames.append(frame)
        }
        hasRead = true
    }
}
