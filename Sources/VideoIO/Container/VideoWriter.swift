import Base
import CFFmpeg
import Pixels

/// Writes frames to a video, a GIF, a picture or a sequence of pictures, as the name's extension says.
///
/// The output has its name only once `finish` has completed it. Of the ways to end, `finish`, `finishPartial`
/// and `abandon`, the first one counts. A writer that is freed without any of them is abandoned.
///
/// `@unchecked Sendable`: for one thread at a time, as `VideoReader` is; nothing is tied to the thread it was
/// made on.
package final class VideoWriter: @unchecked Sendable {
    /// The output's name.
    package let path: String
    private let output: any PictureOutput
    private let format: OutputFormat
    private let log: WarningLog
    private let timeBase: Rational
    private let size: PictureSize
    private var lastTime: FrameTime?
    private var lastTicks: Int64?
    private var isOpen = true

    /// Starts an output for `height × width` frames.
    /// - Throws: `VitvideoError`: `usage` for an extension or codec that does not fit, `cannotCreate` where
    ///   the name is taken or the directory does not take a file, `unavailable` where FFmpeg lacks the
    ///   encoder.
    package static func create(
        _ path: String, height: Int, width: Int, options: WriterOptions = WriterOptions()
    ) throws -> VideoWriter {
        try VideoWriter(path, size: PictureSize(height: height, width: width), options: options)
    }

    /// What writing a second frame to an output of that name would throw; nil where there is room for it.
    package static func refusalOfSecondFrame(_ path: String) -> VitvideoError? {
        if case .still = try? OutputFormat(path: path) { StillOutput.secondFrame(path) } else { nil }
    }

    private init(_ path: String, size: PictureSize, options: WriterOptions) throws {
        MediaLog.install()
        self.path = path
        self.size = size
        format = try OutputFormat(path: path)
        var options = options
        // GIF counts in hundredths of a second.
        if format == .gif {
            options.timeBase = Rational(1, 100)
            options.codec = nil
        }
        timeBase = options.timeBase
        log = WarningLog(options.onWarning)
        // Nobody expects sound of a picture or a GIF.
        if !format.takesAudio { options.audio = [] }
        if format.takesAudio, !options.leftOut.isEmpty {
            let parts = options.leftOut.joined(separator: " and ")
            log.add(MediaWarning(.output, "\(path): the input's \(parts) are left out"))
        }
        let encoded: PictureSize
        switch format {
        case .movie(let muxer, let codec):
            let movie = try MovieOutput(
                path, size: size, muxer: muxer, codec: codec, options: options, log: log)
            (output, encoded) = (movie, movie.encodedSize)
        case .gif:
            let movie = try MovieOutput(
                path, size: size, muxer: "gif", codec: "gif", options: options, log: log)
            (output, encoded) = (movie, size)
        case .still(let codec):
            (output, encoded) = (
                try StillOutput(path, size: size, codec: codec, options: options, log: log), size
            )
        case .sequence(let codec):
            (output, encoded) = (
                try SequenceOutput(path, size: size, codec: codec, options: options, log: log), size
            )
        }
        if encoded != size {
            log.add(
                MediaWarning(
                    .picture,
                    "\(path): the format needs even sizes; the last row or column is repeated to \(encoded.width)x\(encoded.height)"
                ))
        }
    }

    deinit { if isOpen { output.abandon() } }

    /// Unfinished files, to remove where the process ends at once. They are the same from the start on.
    package var temporaryPaths: [String] { output.temporaryPaths }

    /// What had to be worked around so far, each text once.
    package var warnings: [MediaWarning] { log.warnings }

    /// Writes a frame.
    /// - Parameters:
    ///   - image: of the size given at the start.
    ///   - time: when it is shown, later than the frame before.
    /// - Throws: `VitvideoError` of kind `inputOutput` where the file cannot be written.
    package func write(_ image: RGBImage, at time: FrameTime) throws {
        try checkOpen()
        if let last = lastTime,
            av_compare_ts(
                time.ptsTicks, AVRational(time.timeBase), last.ptsTicks, AVRational(last.timeBase)) <= 0
        {
            throw VitvideoError(
                .usage, cannot: "write a frame to", path: path,
                reason: "its time \(time.seconds) s is not after that of the frame before")
        }
        lastTime = time
        var time = time
        if time.timeBase != timeBase {
            time = FrameTime(
                ptsTicks: rescale(time.ptsTicks, from: time.timeBase, to: timeBase),
                durationTicks: rescale(time.durationTicks, from: time.timeBase, to: timeBase),
                timeBase: timeBase)
            if format != .gif, let lastTicks, time.ptsTicks <= lastTicks {
                log.add(
                    MediaWarning(
                        .timestamps,
                        "\(path): the format counts in \(timeBase.numerator)/\(timeBase.denominator) s; frames closer than that are moved"
                    ))
                time.ptsTicks = lastTicks + 1
            }
        }
        lastTicks = time.ptsTicks
        try output.write(image, at: time)
    }

    /// Writes a packet that a `SegmentEncoder` for this output gave, in the order of decoding.
    /// - Throws: as the other `write`.
    package func write(_ packet: VideoPacket) throws {
        try checkOpen()
        lastTicks = packet.ptsTicks
        try output.write(packet)
    }

    /// Writes audio packets, in the order the reader gave them; those of streams that the format does not
    /// take are left out.
    package func write(_ packets: [AudioPacket]) throws {
        try checkOpen()
        if format.takesAudio { try output.write(packets) }
    }

    /// Completes the output and gives it its name.
    /// - Throws: `VitvideoError`; nothing is left behind then.
    package func finish() throws {
        try checkOpen()
        isOpen = false
        guard lastTicks != nil else {
            output.abandon()
            throw VitvideoError(
                .badData, cannot: "write", path: path, reason: "there is not one frame to write")
        }
        do { try output.finish(as: nil) } catch {
            output.abandon()
            throw error
        }
    }

    /// Completes what there is as a playable file of its own, `out.partial.mp4` for `out.mp4`, in place of
    /// any earlier one.
    /// - Returns: its name; `nil` where no frame was written, so that there is no file.
    package func finishPartial() throws -> String? {
        try checkOpen()
        isOpen = false
        guard lastTicks != nil else {
            output.abandon()
            return nil
        }
        if case .sequence = format {
            // Its pictures are complete one by one.
            try output.finish(as: nil)
            return path
        }
        let name = OutputFormat.partialName(of: path)
        do { try output.finish(as: name) } catch {
            output.abandon()
            throw error
        }
        return name
    }

    /// Removes what was written. Does nothing after another ending.
    package func abandon() {
        guard isOpen else { return }
        isOpen = false
        output.abandon()
    }

    private func checkOpen() throws {
        guard isOpen else {
            throw VitvideoError(
                .usage, cannot: "write", path: path, reason: "the writer was already finished")
        }
    }
}
