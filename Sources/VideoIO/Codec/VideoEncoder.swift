import Base
import CFFmpeg
import Pixels

/// Owns one encoder: RGB pictures in, packets out.
final class VideoEncoder {
    let choice: EncoderChoice
    let context: UnsafeMutablePointer<AVCodecContext>
    /// Size of the encoded pictures: as given, made even where the chroma is subsampled.
    let size: PictureSize
    private let given: PictureSize
    private let packet: UnsafeMutablePointer<AVPacket>
    private let input: EncoderInput
    /// Time of the last frame that was given.
    private var last: FrameTime?
    /// Times of the frames inside the encoder, by the number or timestamp they were given.
    private var times: [Int64: FrameTime] = [:]
    private var counter: Int64 = 0

    /// One encoded frame. Its `pts` and `dts` are in `timeBase` ticks; the packet is valid until the closure
    /// that receives it returns.
    struct Output {
        var packet: UnsafeMutablePointer<AVPacket>
        var timeBase: Rational
    }

    init(
        _ choice: EncoderChoice, height: Int, width: Int, timeBase: Rational, frameRate: Rational?,
        crf: Double,
        preset: String, threads: Int, isRepeatable: Bool = false, needsGlobalHeader: Bool
    ) throws {
        guard let packet = av_packet_alloc(), let context = avcodec_alloc_context3(choice.codec) else {
            throw VitvideoError.outOfMemory("encode")
        }
        self.choice = choice
        self.packet = packet
        self.context = context
        given = PictureSize(height: height, width: width)
        let block = choice.blockSize
        size = PictureSize(
            height: (height + block.height - 1) / block.height * block.height,
            width: (width + block.width - 1) / block.width * block.width)
        let rate = frameRate ?? Rational(25, 1)
        context.pointee.width = Int32(clamping: size.width)
        context.pointee.height = Int32(clamping: size.height)
        context.pointee.pix_fmt = choice.format
        context.pointee.sample_aspect_ratio = AVRational(num: 1, den: 1)
        context.pointee.framerate = AVRational(rate)
        context.pointee.time_base =
            choice.keepsClock ? AVRational(timeBase) : VideoEncoder.countingClock(choice, rate)
        context.pointee.thread_count = Int32(clamping: max(0, threads))
        var output = PictureScaler.Layout(size: size, format: choice.format)
        if choice.isRGB {
            output.isFullRange = true
            if choice.format != AV_PIX_FMT_PAL8 { context.pointee.colorspace = AVCOL_SPC_RGB }
        } else if choice.format == AV_PIX_FMT_YUVJ444P {
            // JPEG files are BT.601, full range, by definition (JFIF 1.02).
            output.matrix = SWS_CS_ITU601
            output.isFullRange = true
            context.pointee.colorspace = AVCOL_SPC_BT470BG
            context.pointee.color_range = AVCOL_RANGE_JPEG
        } else {
            output.chromaHorizontal = block.width == 2 ? 0 : -513
            output.chromaVertical = block.height == 2 ? 128 : -513
            context.pointee.colorspace = AVCOL_SPC_BT709
            context.pointee.color_primaries = AVCOL_PRI_BT709
            context.pointee.color_trc = AVCOL_TRC_BT709
            context.pointee.color_range = AVCOL_RANGE_MPEG
            if choice.codec.pointee.id == AV_CODEC_ID_VP8 {
                // VP8 is BT.601 and cannot say otherwise (RFC 6386, 9.2).
                output.matrix = SWS_CS_ITU601
                context.pointee.colorspace = AVCOL_SPC_BT470BG
            }
            if block.height == 2 { context.pointee.chroma_sample_location = AVCHROMA_LOC_LEFT }
        }
        if needsGlobalHeader { context.pointee.flags |= AV_CODEC_FLAG_GLOBAL_HEADER }
        input = try EncoderInput(given: given, to: output, threads: min(4, max(1, threads)))
        if !choice.keepsClock { context.pointee.max_b_frames = 0 }
        try choice.apply(crf: crf, preset: preset, isRepeatable: isRepeatable, to: context)
        try MediaLog.listening { lastError in
            let code = avcodec_open2(context, choice.codec, nil)
            guard code >= 0 else {
                throw VitvideoError.ffmpeg(
                    .unavailable, cannot: "encode \(size.width)x\(size.height) with \(choice.name)",
                    reason: lastError() ?? "the encoder refused its settings", code: code)
            }
        }
    }

    deinit {
        // When SVT-AV1 is closed it waits for its last packet: forever, if there was no picture.
        if counter == 0, choice.name == "libsvtav1" {
            let picture = RGBImage(height: given.height, width: given.width)
            let time = FrameTime(ptsTicks: 0, durationTicks: 1, timeBase: Rational(1, 25))
            try? encode(picture, at: time) { _ in }
        }
        var ownedContext: UnsafeMutablePointer<AVCodecContext>? = context
        avcodec_free_context(&ownedContext)
        var ownedPacket: UnsafeMutablePointer<AVPacket>? = packet
        av_packet_free(&ownedPacket)
    }

    /// The clock of encoders that are given frame numbers: the frame rate. MPEG-2 takes broadcast rates only.
    private static func countingClock(_ choice: EncoderChoice, _ rate: Rational) -> AVRational {
        guard let rates = choice.codec.pointee.supported_framerates else {
            let fits = rate.numerator <= 65_535 && rate.denominator <= 65_535 && rate.numerator > 0
            return fits ? AVRational(num: rate.denominator, den: rate.numerator) : AVRational(num: 1, den: 25)
        }
        let nearest = rates[Int(av_find_nearest_q_idx(AVRational(rate), rates))]
        return AVRational(num: nearest.den, den: nearest.num)
    }

    /// Encodes a picture and passes on the packets that are ready.
    /// - Throws: `VitvideoError` of kind `unavailable` where the encoder fails, and what the closure throws.
    func encode(_ image: RGBImage, at time: FrameTime, _ receive: (Output) throws -> Void) throws {
        let handle = try input.frame(from: image)
        let label = choice.keepsClock ? time.ptsTicks : counter
        counter += 1
        times[label] = time
        let raw = handle.frame
        raw.pointee.pts = label
        raw.pointee.pict_type = isAfterGap(time) ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE
        raw.pointee.colorspace = context.pointee.colorspace
        raw.pointee.color_range = context.pointee.color_range
        raw.pointee.color_primaries = context.pointee.color_primaries
        raw.pointee.color_trc = context.pointee.color_trc
        raw.pointee.quality = context.pointee.global_quality
        raw.pointee.sample_aspect_ratio = AVRational(num: 1, den: 1)
        try push(raw, receive)
    }

    /// Whether a frame comes more than a minute after the one before. It is made a key frame: where frames before a gap
    /// depend on one after it, that would have to be stored before the gap, which MP4 readers do not take for long gaps.
    private func isAfterGap(_ time: FrameTime) -> Bool {
        defer { last = time }
        return last.map { time.seconds - $0.seconds > 60 } ?? false
    }

    /// Passes on all packets still inside the encoder.
    /// - Throws: as `encode`.
    func flush(_ receive: (Output) throws -> Void) throws { try push(nil, receive) }

    private func push(_ frame: UnsafeMutablePointer<AVFrame>?, _ receive: (Output) throws -> Void) throws {
        var code = avcodec_send_frame(context, frame)
        if code < 0, code != FFmpegCode.endOfFile { throw failure(code) }
        while true {
            code = avcodec_receive_packet(context, packet)
            if code == FFmpegCode.tryAgain || code == FFmpegCode.endOfFile { return }
            guard code >= 0 else { throw failure(code) }
            defer { av_packet_unref(packet) }
            let label = packet.pointee.pts
            let time = times.removeValue(forKey: label)
            if !choice.keepsClock, let time {
                packet.pointee.pts = time.ptsTicks
                packet.pointee.dts = time.ptsTicks
            } else if choice.name == "libx265", counter <= VideoEncoder.deepestReorderingOfX265 {
                packet.pointee.dts = packet.pointee.pts
            }
            packet.pointee.duration = time?.durationTicks ?? 0
            let clock = time?.timeBase ?? Rational(context.pointee.time_base)
            try receive(Output(packet: packet, timeBase: clock))
        }
    }

    /// How far x265's decoding times lie before its presentation times, in frames: two where B frames refer to each other.
    ///
    /// It learns the time of that from the frame of this number, and where the clip ends before, subtracts memory that it
    /// has not written (3.5). Nothing is reordered among so few frames: decoding times are the presentation times.
    private static let deepestReorderingOfX265 = 2

    private func failure(_ code: Int32) -> VitvideoError {
        VitvideoError.ffmpeg(
            .unavailable, cannot: "encode with \(choice.name)",
            reason: "the encoder failed at frame \(counter)",
            code: code)
    }
}

extension VideoEncoder {
    /// The encoder of an output.
    /// - Parameter codec: what is used unless the options name another.
    convenience init(
        codec: String, size: PictureSize, options: WriterOptions, needsGlobalHeader: Bool = true
    ) throws {
        try self.init(
            try EncoderChoice(named: options.codec ?? codec, size: size), height: size.height,
            width: size.width, timeBase: options.timeBase, frameRate: options.frameRate, crf: options.crf,
            preset: options.preset,
            // Another number of threads gives other bytes.
            threads: options.isRepeatable ? 1 : options.threads, isRepeatable: options.isRepeatable,
            needsGlobalHeader: needsGlobalHeader)
    }
}
