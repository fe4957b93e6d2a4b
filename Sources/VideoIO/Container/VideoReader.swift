import Base
import CFFmpeg
import Glibc
import Pixels

/// Reads a video frame by frame: upright, with square pixels, progressive, as RGB.
///
/// Timestamps are the source's own. Audio packets are not decoded but put into `audio` beside the frames, so one
/// pass over the input serves for both, and memory does not grow with its length.
///
/// `@unchecked Sendable`: a reader has no lock and is not for several threads at once, but nothing in it is
/// tied to the thread that opened it. Open it on one thread, then use it on another, with the hand-over
/// (starting that thread) in between. Frames and packets may go to any thread.
package final class VideoReader: @unchecked Sendable {
    package let info: VideoInfo
    /// The audio packets of the selection. Whoever does not take them closes it, or opens the reader without audio.
    package let audio = AudioPacketQueue()
    private let path: String
    private let log: WarningLog
    private let isStrict: Bool
    private let plan: SelectionPlan
    private let frames: any SelectedFrames
    private let converter: RGBConverter
    /// The first frame, once it has been read ahead.
    private var first: VideoFrame?

    /// Opens a video, a still picture, a sequence of pictures (`f%03d.png`) or, for `-`, standard input.
    /// - Throws: `VitvideoError`: `noInput` where there is nothing at `path`, `badData` where there is no
    ///   video in it or the selection is empty, `unavailable` where FFmpeg lacks the decoder.
    package static func open(_ path: String, options: ReaderOptions = ReaderOptions()) throws -> VideoReader {
        MediaLog.install()
        let log = WarningLog(options.onWarning)
        let source = try MediaSource(path: path, allowsNetwork: options.allowsNetwork)
        source.warnings.forEach(log.add)
        if case .sequence(let pictures) = source.kind {
            return try open(pictures, options: options, log: log)
        }
        let demuxer = try Demuxer(source: source, sequenceFrameRate: options.sequenceFrameRate)
        let videoStream = try demuxer.videoStream(options.videoStream)
        let audioStreams = options.keepAudio ? try AudioStreamInfo.all(in: demuxer) : []
        let seeker = RangeSeeker(
            source: source, sequenceFrameRate: options.sequenceFrameRate, videoStream: videoStream,
            audioStreams: audioStreams.map(\.containerIndex), threads: options.threads)
        let session = try DecodeSession(
            demuxer: demuxer, videoStream: videoStream, audioStreams: seeker.audioStreams,
            threads: options.threads)

        // The first frame of the file determines the size of every picture, wherever the selection starts.
        var packets: [AudioPacket] = []
        guard let firstFrame = try session.nextFrame(onAudio: { packets.append($0) }) else {
            throw noFrame(session)
        }
        let tags = FrameTags(of: firstFrame, demuxer: demuxer, videoStream: videoStream)
        let size = PictureGeometry(tags, warn: log.add).upright
        let stream = StreamInfo(demuxer: demuxer, stream: session.stream, source: source)
        let start = try RangeStart.locate(
            options.frames, from: options.continuation?.index ?? 0, of: stream, seeker: seeker,
            index: options.index,
            beginning: RangeSeeker.Position(
                session: session, decoded: [firstFrame], index: 0, packets: packets))
        let pages = stream.isStill ? session.decoder.pictureCount : nil
        let isStill = pages == 1
        let info = VideoInfo(
            height: size.height, width: size.width, timeBase: stream.timeBase, frameRate: stream.frameRate,
            expectedFrameCount: isStill
                ? 1
                : start.plan.expectedCount(
                    of: pages ?? start.frameCount ?? stream.expectedFrameCount,
                    seconds: stream.durationSeconds, frameRate: stream.frameRate),
            durationSeconds: stream.durationSeconds, codecName: session.decoder.codecName,
            pixelFormatName: firstFrame.pixelFormatName, formatName: demuxer.formatName,
            isStill: isStill,
            canReopen: source.isRepeatable, audioStreams: audioStreams,
            metadata: MediaMetadata(demuxer, videoStream: session.stream),
            otherContent: demuxer.otherContent)
        let needsDeinterlacer =
            Deinterlacer.isNeeded(for: session.stream.pointee.codecpar.pointee.codec_id) && !stream.isStill
        let frames = FrameSequence(
            from: start, of: stream, seeker: seeker,
            audio: InterleavedAudio(
                audioStreams, isBounded: start.plan.isBounded, packets: start.position.packets),
            clock: SelectionClock(continuing: options.continuation, timeBase: stream.timeBase),
            deinterlacer: needsDeinterlacer ? Deinterlacer(threads: options.threads) : nil,
            damage: DamageReport(
                inputName: path == "-" ? "standard input" : path, formatName: info.formatName,
                pixelFormatName: info.pixelFormatName,
                startsAtFirstPacket: start.position.session === session),
            log: log)
        return try VideoReader(info, path: path, options, plan: start.plan, frames: frames, log: log)
    }

    /// Opens a sequence of pictures.
    private static func open(
        _ pictures: ImageSequence, options: ReaderOptions, log: WarningLog
    ) throws -> VideoReader {
        let frames = try PictureSequence(pictures, options: options, log: log)
        let size = PictureGeometry(frames.first.tags, warn: log.add).upright
        let rate = options.sequenceFrameRate
        let seconds = Double(frames.count) * frames.timeBase.value
        let info = VideoInfo(
            height: size.height, width: size.width, timeBase: frames.timeBase, frameRate: rate,
            expectedFrameCount: frames.plan.expectedCount(
                of: frames.count, seconds: seconds, frameRate: rate),
            durationSeconds: seconds, codecName: frames.first.codecName,
            pixelFormatName: frames.first.pixelFormatName, formatName: frames.first.formatName,
            isStill: false, canReopen: true, audioStreams: [], metadata: MediaMetadata(), otherContent: [])
        return try VideoReader(
            info, path: pictures.pattern, options, plan: frames.plan, frames: frames, log: log)
    }

    /// Finds out which frames a selection has: from the packets where those tell, else by decoding all of it.
    ///
    /// - Throws: as `open`, and as `nextFrame`.
    package static func outline(of path: String, options: ReaderOptions) throws -> SelectionOutline {
        var options = options
        (options.keepAudio, options.continuation, options.index) = (false, nil, nil)
        let reader = try open(path, options: options)
        defer { reader.close() }
        var outline = try reader.frames.outline() ?? reader.decodedOutline(step: options.frames.step)
        outline.startTicks = reader.span.startTicks
        return outline
    }

    /// The outline of a reader that has not delivered anything yet.
    private func decodedOutline(step: Int) throws -> SelectionOutline {
        var count = 1
        while try frames.next() != nil { count += 1 }
        return SelectionOutline(frames: count, firstIndex: first?.index ?? 0, step: step)
    }

    private init(
        _ info: VideoInfo, path: String, _ options: ReaderOptions, plan: SelectionPlan,
        frames: any SelectedFrames, log: WarningLog
    ) throws {
        self.info = info
        self.path = path
        self.isStrict = options.isStrict
        self.plan = plan
        self.frames = frames
        self.log = log
        let scalerThreads = min(
            4, options.threads > 0 ? options.threads : Allocation.current.cores)
        converter = RGBConverter(
            size: PictureSize(height: info.height, width: info.width), threads: scalerThreads)
        // Where this reader continues another one, that may have delivered all frames.
        try readFirst(mayBeEmpty: options.continuation != nil)
    }

    /// Where the selection lies, as far as is known by now; where it begins, from the start.
    package var span: SelectionSpan { frames.clock.span }

    /// Title, chapters and the like, on the clock of the frames' output times.
    package var metadata: MediaMetadata {
        guard let start = span.startTicks else { return info.metadata }
        return info.metadata.counted(
            from: FrameTime(ptsTicks: start, durationTicks: 0, timeBase: info.timeBase))
    }

    /// What had to be worked around so far, each text once. Damage to the end of a file shows only once
    /// `nextFrame` has returned `nil`.
    package var warnings: [MediaWarning] { log.warnings }

    /// The next selected frame; `nil` after the last one.
    /// - Throws: `VitvideoError`. Damage is no error where frames can still be had (see `warnings`), unless
    ///   the reader is strict.
    package func nextFrame() throws -> VideoFrame? {
        if let frame = first {
            first = nil
            return frame
        }
        let frame = try frames.next().map(deliver)
        try refuseDamage()
        return frame
    }

    /// Puts the audio packets after the last frame into `audio`. Does nothing before `nextFrame` has returned `nil`.
    ///
    /// - Throws: `VitvideoError`.
    package func readTrailingAudio() throws { audio.add(try frames.trailingPackets(), upToFrame: .max) }

    /// Frees decoder and file. Later calls give no more frames.
    package func close() {
        frames.close()
        first = nil
    }

    /// Reads the first selected frame, so that an empty selection is an error before any output is made.
    private func readFirst(mayBeEmpty: Bool) throws {
        if let frame = try frames.next() {
            first = try deliver(frame)
            return try refuseDamage()
        }
        if mayBeEmpty { return }
        let total = try frames.countAll()
        throw VitvideoError(
            .badData, cannot: "select \(plan.description) of", path: path,
            reason: "there are \(total) frames"
                + (info.durationSeconds.map { " in \(shortSeconds($0)) s" } ?? "")
                + ", none of them in this range")
    }

    private func deliver(_ frame: NumberedFrame) throws -> VideoFrame {
        guard let tags = frames.tags(of: frame) else {
            throw VitvideoError(.usage, cannot: "read", path: path, reason: "the reader was closed")
        }
        let image = try converter.image(from: frame.handle, tags: tags, warn: log.add)
        frames.note(changesSize: converter.hasMetOtherSize)
        audio.add(frames.packets(with: frame.time), upToFrame: frame.index)
        return VideoFrame(
            image: image, index: frame.index, time: frame.time,
            outputTime: frames.clock.outputTime(of: frame.time))
    }

    /// - Throws: `VitvideoError` of kind `badData` where a strict reader has met damage.
    private func refuseDamage() throws {
        guard isStrict, let damage = log.warnings.first(where: { $0.kind == .damage }) else { return }
        throw VitvideoError(
            .badData, cannot: "read", path: path, reason: damage.message, nextStep: .leaveOutStrict)
    }

    /// The error for an input of which no frame could be decoded.
    static func noFrame(_ session: DecodeSession) -> VitvideoError {
        let demuxer = session.demuxer
        if let refusal = demuxer.knownRefusal { return refusal }
        if session.decoder.encryptedPackets > 0 {
            return VitvideoError(
                .badData, cannot: "read", path: demuxer.source.path, reason: "its video is encrypted",
                nextStep: .advice("decrypt it with its key first, or get a copy without protection"))
        }
        let isPipedMP4 = demuxer.source.kind == .standardInput && demuxer.formatName.contains("mp4")
        return VitvideoError(
            .badData, cannot: "read", path: demuxer.source.path,
            reason: "not one frame could be decoded"
                + ((session.failure ?? session.decoder.complaint).map { " (\($0))" } ?? ""),
            nextStep: isPipedMP4
                ? .advice(
                    "an MP4 that keeps its index at the end cannot be read from a pipe: give the file's name")
                : nil)
    }
}
