import CFFmpeg
import Foundation
import Pixels

/// Reads a video frame by frame: upright, with square pixels, progressive, as RGB.
///
/// Timestamps are the source's own. Audio packets are not decoded but put into `audio` beside the frames, so one pass
/// over the input serves for both, and memory does not grow with its length.
///
/// `@unchecked Sendable`: a reader has no lock and is not for several threads at once, but nothing in it is tied
/// to the thread that opened it. Open it on one thread, then use it on another, with the hand-over (starting
/// that thread) in between; frames and packets it delivers are free to go anywhere.
package final class VideoReader: @unchecked Sendable {
    package let info: VideoInfo
    /// The audio packets of the selection. Whoever does not take them closes it, or opens the reader without audio.
    package let audio = AudioPacketQueue()
    private let path: String
    /// What warnings call the input.
    private var inputName: String { path == "-" ? "standard input" : path }
    private let log: WarningLog
    private let isStrict: Bool
    private let plan: SelectionPlan
    private let seeker: RangeSeeker
    private let converter: RGBConverter
    private let deinterlacer: Deinterlacer?
    private var session: DecodeSession?
    private var repair: TimestampRepair
    private var cutter: AudioCutter

    /// Frames decoded ahead while the start of the range was looked for.
    private var decoded: [FrameHandle]
    private var nextIndex: Int
    private let startsAtFirstPacket: Bool
    /// Frames past the deinterlacer, still to be delivered.
    private var ready: [NumberedFrame] = []
    private var first: VideoFrame?
    private var firstSelectedTime: FrameTime?
    private var shiftsToZero = false
    /// Whether another reader has delivered the first frames.
    private let continues: Bool
    private var endTime: FrameTime?
    private var hasReadAll = false
    private var damagedFrames = 0
    private var changesSize = false
    private var lastTime: FrameTime?
    private var longestGapSeconds = 0.0

    /// Opens a video, a still picture, a sequence of pictures (`f%03d.png`) or, for `-`, standard input.
    /// - Throws: `VideoIOError`: `noInput` where there is nothing at `path`, `badData` where there is no video
    ///   in it or the selection is empty, `unavailable` where FFmpeg lacks the decoder.
    package static func open(_ path: String, options: ReaderOptions = ReaderOptions()) throws -> VideoReader {
        let reader = try VideoReader(path, options: options)
        try reader.prime()
        return reader
    }

    private init(_ path: String, options: ReaderOptions) throws {
        MediaLog.install()
        self.path = path
        log = WarningLog(options.onWarning)
        isStrict = options.isStrict
        let source = try MediaSource(path: path, allowsNetwork: options.allowsNetwork)
        source.warnings.forEach(log.add)
        let demuxer = try Demuxer(source: source, sequenceFrameRate: options.sequenceFrameRate)
        let videoStream = try demuxer.videoStream(options.videoStream)
        let audio = options.keepAudio ? try AudioStreamInfo.all(in: demuxer) : []
        seeker = RangeSeeker(
            source: source, sequenceFrameRate: options.sequenceFrameRate, videoStream: videoStream,
            audioStreams: audio.map(\.containerIndex), threads: options.threads)
        let session = try DecodeSession(
            demuxer: demuxer, videoStream: videoStream, audioStreams: seeker.audioStreams,
            threads: options.threads)

        // The first frame of the file settles the size of every picture, wherever the selection starts.
        var packets: [CompressedPacket] = []
        guard let firstFrame = try session.nextFrame(onAudio: { packets.append($0) }) else {
            throw VideoIOError(
                .badData, "read", path: path,
                reason: "not one frame could be decoded" + (session.failure.map { " (\($0))" } ?? ""),
                nextStep: source.kind == .standardInput && demuxer.formatName.contains("mp4")
                    ? "an MP4 that keeps its index at the end cannot be read from a pipe: give the file's name"
                    : nil)
        }
        let geometry = PictureGeometry(
            frame: firstFrame.frame, demuxer: demuxer, videoStream: videoStream, warn: log.add)
        let stream = demuxer.streams[videoStream]!
        let facts = StreamFacts(demuxer: demuxer, stream: stream, source: source)
        let head = try HeadDecision(
            selection: options.frames, from: options.continuation?.index ?? 0, seeker: seeker,
            session: session, firstFrame: firstFrame,
            packets: packets, facts: facts)
        self.session = head.position.session
        plan = head.plan
        decoded = head.position.decoded
        nextIndex = head.position.index
        startsAtFirstPacket = head.position.session === session
        continues = options.continuation != nil
        if let continuation = options.continuation {
            shiftsToZero = continuation.startTicks != nil
            firstSelectedTime = FrameTime(
                ptsTicks: continuation.startTicks ?? 0, durationTicks: 0, timeBase: facts.timeBase)
        }
        var cutter = AudioCutter()
        head.position.packets.forEach { cutter.add($0) }
        self.cutter = cutter

        let size = geometry.upright
        let scalerThreads = min(
            4, options.threads > 0 ? options.threads : ProcessInfo.processInfo.activeProcessorCount)
        converter = RGBConverter(size: size, threads: scalerThreads)
        deinterlacer =
            Deinterlacer.isNeeded(for: stream.pointee.codecpar.pointee.codec_id) && !facts.isStill
            ? Deinterlacer(threads: options.threads) : nil
        repair = TimestampRepair(
            nominalDuration: facts.nominalDuration, ticksPerSecond: facts.ticksPerSecond)
        info = VideoInfo(
            height: size.height, width: size.width, sourceHeight: geometry.stored.height,
            sourceWidth: geometry.stored.width, timeBase: facts.timeBase, frameRate: facts.frameRate,
            expectedFrameCount: facts.isStill
                ? 1
                : plan.expectedCount(
                    of: head.frameCount ?? facts.expectedFrameCount, seconds: facts.durationSeconds,
                    frameRate: facts.frameRate),
            durationSeconds: facts.durationSeconds, codecName: session.decoder.codecName,
            pixelFormatName: av_get_pix_fmt_name(firstFrame.pixelFormat).map { String(cString: $0) }
                ?? "unknown",
            formatName: demuxer.formatName, isStill: facts.isStill,
            canReopen: source.isRepeatable, audioStreams: audio)
    }

    /// Where the selection lies, as far as is known by now; where it begins, from the start.
    package var span: SelectionSpan {
        SelectionSpan(
            startTicks: shiftsToZero ? firstSelectedTime?.ptsTicks : nil, endTicks: endTime?.ptsTicks)
    }

    /// What had to be worked around so far, each text once. Damage to the end of a file shows only once
    /// `nextFrame` has returned `nil`.
    package var warnings: [MediaWarning] { log.warnings }

    /// The next selected frame; `nil` after the last one.
    /// - Throws: `VideoIOError`. Damage is no error where frames can still be had (see `warnings`), unless the
    ///   reader is strict.
    package func nextFrame() throws -> VideoFrame? {
        if let frame = first {
            first = nil
            return frame
        }
        let frame = try produce()
        try refuseDamage()
        return frame
    }

    /// - Throws: `VideoIOError` of kind `badData` where a strict reader has met damage.
    private func refuseDamage() throws {
        guard isStrict, let damage = log.warnings.first(where: { $0.kind == .damage }) else { return }
        throw VideoIOError(
            .badData, "read", path: path, reason: damage.message,
            nextStep: "leave --strict out to keep the frames there are")
    }

    /// Puts the audio packets that lie after the last frame into `audio`. Does nothing before `nextFrame` has returned
    /// `nil`.
    ///
    /// - Throws: `VideoIOError`.
    package func readTrailingAudio() throws {
        guard hasReadAll, let session else { return }
        if plan.isBounded, let endTime {
            let clocks = info.audioStreams.map(\.timeBase)
            let limit =
                rescale(
                    endTime.ptsTicks, from: endTime.timeBase, to: .microseconds) + 10_000_000
            while !cutter.hasPassed(endTime, streams: clocks), session.lastSeenMicroseconds < limit,
                try session.skipPacket(onAudio: { cutter.add($0) })
            {}
        }
        audio.add(cutter.take(before: plan.isBounded ? endTime : nil), upToFrame: .max)
    }

    /// Frees decoder and file. Later calls give no more frames.
    package func close() {
        session = nil
        hasReadAll = true
        decoded = []
        ready = []
        first = nil
    }

    /// Decodes up to the first selected frame, so that an empty selection is an error before any output is made.
    private func prime() throws {
        if let frame = try produce() {
            try refuseDamage()
            first = frame
            return
        }
        if continues { return }
        let total = endTime == nil ? nextIndex : try seeker.countFrames()
        throw VideoIOError(
            .badData, "select \(selectionText) of", path: path,
            reason: "there are \(total) frames"
                + (info.durationSeconds.map { " in \(shortSeconds($0)) s" } ?? "")
                + ", none of them in this range")
    }

    private var selectionText: String {
        switch plan.rule {
        case .all: "frames"
        case .slice(let slice):
            FrameSelection.describe(start: slice.first, stop: slice.stop, step: slice.step)
        case .time(let start, let end): FrameSelection.describe(start: start, end: end)
        }
    }

    /// Runs the decoder until a selected frame comes out of the filters.
    private func produce() throws -> VideoFrame? {
        while true {
            while !ready.isEmpty {
                let frame = ready.removeFirst()
                if frame.isSelected { return try deliver(frame) }
            }
            if hasReadAll { return nil }
            try readOne()
        }
    }

    /// Takes one frame from the decoder through selection and deinterlacing.
    private func readOne() throws {
        guard let session else {
            hasReadAll = true
            return
        }
        let handle: FrameHandle
        if !decoded.isEmpty {
            handle = decoded.removeFirst()
        } else if let next = try session.nextFrame(onAudio: { cutter.add($0) }) {
            handle = next
        } else {
            hasReadAll = true
            ready += try deinterlacer?.flush() ?? []
            reportEnd(session)
            return
        }
        let raw = handle.frame
        if raw.pointee.decode_error_flags != 0 || raw.pointee.flags & AV_FRAME_FLAG_CORRUPT != 0 {
            damagedFrames += 1
        }
        let (pts, duration) = repair.time(
            pts: ticks(raw.pointee.best_effort_timestamp), duration: raw.pointee.pkt_duration)
        let time = FrameTime(ptsTicks: pts, durationTicks: duration, timeBase: info.timeBase)
        if let lastTime { longestGapSeconds = max(longestGapSeconds, time.seconds - lastTime.seconds) }
        lastTime = time
        let index = nextIndex
        nextIndex += 1

        let isSelected = plan.isSelected(index: index, time: time)
        if isSelected, firstSelectedTime == nil {
            firstSelectedTime = time
            if index > 0 {
                shiftsToZero = true
                cutter.begin(at: time)
            }
        } else if firstSelectedTime == nil {
            cutter.drop(before: time)
        }
        let isPast = plan.isPast(index: index, time: time)
        let frame = NumberedFrame(handle: handle, index: index, time: time, isSelected: isSelected)
        if let deinterlacer, index >= plan.firstFrameOfContext {
            // The frame after the last one still has a say in it.
            ready += try deinterlacer.push(frame)
            if isPast { ready += try deinterlacer.flush() }
        } else if isSelected {
            ready.append(frame)
        }
        if isPast {
            endTime = time
            hasReadAll = true
            reportRepairs(session)
        }
    }

    private func deliver(_ frame: NumberedFrame) throws -> VideoFrame {
        guard let session else {
            throw VideoIOError(.usage, "read", path: path, reason: "the reader was closed")
        }
        let raw = frame.handle.frame
        let geometry = PictureGeometry(
            frame: raw, demuxer: session.demuxer, videoStream: session.videoStream, warn: log.add)
        if geometry.upright != converter.size {
            changesSize = true
            log.add(
                MediaWarning(
                    .picture,
                    "the picture changes to \(geometry.upright.width)x\(geometry.upright.height); it is fitted into \(info.width)x\(info.height)"
                ))
        }
        let image = try converter.image(
            from: frame.handle, geometry: geometry, colours: ColourCoding(frame: raw, warn: log.add))
        var outputTime = frame.time
        if shiftsToZero, let start = firstSelectedTime { outputTime.ptsTicks -= start.ptsTicks }
        // Of a range that ends, only audio known to lie inside goes out yet: the end may be this very frame's.
        audio.add(cutter.take(before: plan.isBounded ? frame.time : nil), upToFrame: frame.index)
        return VideoFrame(image: image, index: frame.index, time: frame.time, outputTime: outputTime)
    }

    private func reportRepairs(_ session: DecodeSession) {
        // AVI numbers its frames; what the decoder reorders comes without a time, and filling it in is exact.
        if let summary = repair.summary, info.formatName != "avi" || repair.reordered + repair.restarts > 0 {
            log.add(MediaWarning(.timestamps, "\(inputName): \(summary)"))
        }
        if let left = deinterlacer?.leftInterlaced, left > 0 {
            log.add(
                MediaWarning(
                    .picture,
                    "\(inputName): \(left) interlaced frames are shown with both fields, for \(info.pixelFormatName) is not deinterlaced"
                ))
        }
        let packets = max(session.decoder.damagedPackets, session.corruptPackets)
        if packets + damagedFrames > 0 {
            log.add(
                MediaWarning(
                    .damage,
                    "\(inputName) is damaged: \(counted(packets, "broken packet")) and \(counted(damagedFrames, "frame")) with errors"
                ))
        }
    }

    /// Says at the end of the input whether there should have been more.
    private func reportEnd(_ session: DecodeSession) {
        reportRepairs(session)
        let context = session.demuxer.context.pointee
        if plan.isBounded, endTime == nil, let lastTime {
            endTime = FrameTime(
                ptsTicks: lastTime.ptsTicks + lastTime.durationTicks, durationTicks: 0,
                timeBase: info.timeBase)
        }
        var reason = session.failure
        let declared = session.promisedPackets(format: info.formatName)
        if reason == nil, startsAtFirstPacket, declared > session.videoPackets {
            reason = "\(declared) were promised"
        }
        if reason == nil, context.duration_estimation_method == AVFMT_DURATION_FROM_STREAM,
            let duration = ticks(context.duration), session.lastSeenMicroseconds != .min
        {
            // Where a file starts late, its duration may be the time at its end (Matroska, MP4 with an empty edit).
            let end = duration + min(0, ticks(context.start_time) ?? 0)
            let slack = Int64(max(0.15, 3 * longestGapSeconds) * 1_000_000)
            if session.lastSeenMicroseconds + slack < end {
                reason =
                    "\(shortSeconds(Double(duration) / 1_000_000)) s were promised, there are \(shortSeconds(Double(session.lastSeenMicroseconds) / 1_000_000)) s"
            }
        }
        // Decoders pass over a still that they cannot read, and MPEG's drop the frame inside them when the next is of
        // another size. Other missing frames are no damage: those that lean on what was before the file's beginning.
        let lost = session.videoPackets - nextIndex
        if reason == nil, lost > 0, startsAtFirstPacket, changesSize || session.isIntraOnly,
            FrameIndex.isFrame(eachPacketOf: session.stream.pointee.codecpar.pointee.codec_id)
        {
            log.add(
                MediaWarning(
                    .damage,
                    "\(inputName) is damaged: \(lost) of \(counted(session.videoPackets, "frame")) did not come out of the decoder"
                ))
        }
        if reason == nil, session.demuxer.source.lacksEndMark(format: info.formatName) {
            reason = "its end is missing"
        }
        if reason == nil, let complaint = session.demuxer.complaint {
            log.add(
                MediaWarning(
                    .damage, "\(inputName) is damaged: parts of it were passed over (\(complaint))"))
        }
        if let reason {
            log.add(
                MediaWarning(
                    .damage,
                    "\(inputName) ends early: \(counted(nextIndex, "frame")) could be read (\(reason))"))
        }
    }
}

/// "1 frame", "2 frames".
func counted(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

func shortSeconds(_ seconds: Double) -> String { String(format: "%.2f", seconds) }
