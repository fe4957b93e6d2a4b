import CFFmpeg
import Pixels

/// Counts damage while an input is read, and words the warnings.
struct DamageReport {
    /// What warnings call the input.
    let inputName: String
    /// FFmpeg's name of the container.
    let formatName: String
    /// FFmpeg's name of the stored pixel format.
    let pixelFormatName: String
    /// Whether the video stream was read from its first packet on, so that its packets can be counted.
    let startsAtFirstPacket: Bool
    /// Whether the pictures change their size.
    var changesSize = false
    private var damagedFrames = 0
    private var longestGapSeconds = 0.0

    init(inputName: String, formatName: String, pixelFormatName: String, startsAtFirstPacket: Bool) {
        self.inputName = inputName
        self.formatName = formatName
        self.pixelFormatName = pixelFormatName
        self.startsAtFirstPacket = startsAtFirstPacket
    }

    /// Counts a frame, as the decoder output it.
    mutating func add(_ frame: AVFrame) {
        if frame.decode_error_flags != 0 || frame.flags & AV_FRAME_FLAG_CORRUPT != 0 { damagedFrames += 1 }
    }

    /// Records the time between two frames.
    mutating func add(gapSeconds: Double) { longestGapSeconds = max(longestGapSeconds, gapSeconds) }

    /// Repairs and damage in the part of the input that was read.
    /// - Parameters:
    ///   - times: what became of the timestamps; nil for a picture, which has none.
    ///   - leftInterlaced: how many interlaced frames were not deinterlaced.
    func repairs(
        _ session: DecodeSession, times: TimestampRepair? = nil, leftInterlaced: Int = 0
    ) -> [MediaWarning] {
        var warnings: [MediaWarning] = []
        // AVI numbers its frames; those that the decoder reorders come without a time, and filling it in is
        // exact.
        let restarts = session.demuxer.clockRestarts
        if let times, let summary = times.summary(restarts: restarts),
            formatName != "avi" || times.reordered + restarts > 0
        {
            warnings.append(MediaWarning(.timestamps, "\(inputName): \(summary)"))
        }
        if leftInterlaced > 0 {
            warnings.append(
                MediaWarning(
                    .picture,
                    "\(inputName): \(leftInterlaced) interlaced frames are shown with both fields, for \(pixelFormatName) is not deinterlaced"
                ))
        }
        let flagged =
            session.corruptPackets - session.demuxer.packetsFlaggedForJoint(stream: session.videoStream)
        let packets = max(session.decoder.damagedPackets, flagged)
        if packets + damagedFrames > 0 {
            warnings.append(
                MediaWarning(
                    .damage,
                    "\(inputName) is damaged: \(counted(packets, "broken packet")) and \(counted(damagedFrames, "frame")) with errors"
                ))
        }
        return warnings
    }

    /// What is missing, once the input is at its end.
    /// - Parameter frames: how many the decoder output.
    func losses(_ session: DecodeSession, frames: Int) -> [MediaWarning] {
        var warnings: [MediaWarning] = []
        var reason = session.failure ?? brokenPromise(session)
        // Decoders pass over a still that they cannot read, and MPEG's drop the frame inside them when the
        // next is of another size. Other missing frames are no damage: they depend on what was before the
        // file's beginning.
        let lost = session.videoPackets - frames
        if reason == nil, lost > 0, startsAtFirstPacket, changesSize || session.isIntraOnly,
            FrameIndex.isFrame(eachPacketOf: session.stream.pointee.codecpar.pointee.codec_id)
        {
            warnings.append(
                MediaWarning(
                    .damage,
                    "\(inputName) is damaged: \(lost) of \(counted(session.videoPackets, "frame")) did not come out of the decoder"
                ))
        }
        if reason == nil, session.demuxer.source.lacksEndMark(format: formatName) {
            reason = "its end is missing"
        }
        if reason == nil {
            reason = session.demuxer.source.outlineFault(format: formatName)
        }
        if reason == nil, let complaint = session.demuxer.complaint {
            warnings.append(
                MediaWarning(
                    .damage, "\(inputName) is damaged: parts of it were passed over (\(complaint))"))
        }
        if let reason {
            warnings.append(
                MediaWarning(
                    .damage, "\(inputName) ends early: \(counted(frames, "frame")) could be read (\(reason))"
                ))
        }
        return warnings
    }

    /// The packets or seconds that the container declares, where there are fewer.
    private func brokenPromise(_ session: DecodeSession) -> String? {
        let declared = session.promisedPackets(format: formatName)
        if startsAtFirstPacket, declared > session.videoPackets { return "\(declared) were promised" }
        let context = session.demuxer.context.pointee
        guard context.duration_estimation_method == AVFMT_DURATION_FROM_STREAM,
            let whole = ticks(context.duration), session.lastSeenMicroseconds != .min
        else { return nil }
        let duration = min(whole, session.demuxer.longestTrackMicroseconds ?? whole)
        // Where a file starts late, its duration may be the time at its end (Matroska, MP4 with an empty
        // edit).
        let end = duration + min(0, ticks(context.start_time) ?? 0)
        let slack = Int64(max(0.15, 3 * longestGapSeconds) * 1_000_000)
        guard session.lastSeenMicroseconds + slack < end else { return nil }
        return
            "\(shortSeconds(Double(duration) / 1_000_000)) s were promised, there are \(shortSeconds(Double(session.lastSeenMicroseconds) / 1_000_000)) s"
    }
}
