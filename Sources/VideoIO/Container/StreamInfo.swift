import CFFmpeg
import Pixels

/// What a container says about its video stream.
struct StreamInfo {
    let timeBase: Rational
    let frameRate: Rational?
    let durationSeconds: Double?
    /// From the container's count, else from duration and rate; frames of the whole stream.
    let expectedFrameCount: Int?
    let isStill: Bool
    /// The file's start time, in ticks of the stream.
    let origin: Int64
    let canSeek: Bool
    /// Whether the input can be opened a second time.
    let canReopen: Bool

    init(demuxer: Demuxer, stream: UnsafeMutablePointer<AVStream>, source: MediaSource) {
        timeBase = Rational(stream.pointee.time_base)
        let rate = av_guess_frame_rate(demuxer.context, stream, nil)
        let average = stream.pointee.avg_frame_rate
        let chosen = average.num > 0 && average.den > 0 ? average : rate
        frameRate = chosen.num > 0 && chosen.den > 0 ? Rational(chosen) : nil
        isStill = demuxer.isPictureFormat
        if let ticks = ticks(demuxer.context.pointee.duration), ticks > 0 {
            durationSeconds = Double(ticks) / 1_000_000
        } else {
            durationSeconds = nil
        }
        if stream.pointee.nb_frames > 0 {
            expectedFrameCount = Int(clamping: stream.pointee.nb_frames)
        } else if let durationSeconds, let frameRate {
            let count = (durationSeconds * frameRate.value).rounded()
            expectedFrameCount = count < 1e12 ? max(1, Int(count)) : nil
        } else {
            expectedFrameCount = nil
        }
        // The container's start is rounded to microseconds; where the video defines it, its own tick is
        // exact.
        let start = ticks(demuxer.context.pointee.start_time) ?? 0
        if let own = ticks(stream.pointee.start_time),
            rescale(own, from: timeBase, to: .microseconds) == start
        {
            origin = own
        } else {
            origin = rescale(start, from: .microseconds, to: timeBase)
        }
        canSeek = demuxer.isSeekable
        canReopen = source.canReopen
    }

    /// How long a frame lasts where its packet does not say, in ticks.
    var nominalDuration: Int64 {
        guard let frameRate, timeBase.numerator > 0 else { return 1 }
        return max(1, rescale(1, from: Rational(frameRate.denominator, frameRate.numerator), to: timeBase))
    }
}
