import Base
import CFFmpeg
import Pixels

/// Decodes still pictures: FFmpeg's decoder, and what it leaves out.
///
/// JPEG pictures are decoded by libjpeg, where that reads them. FFmpeg's TIFF decoder gives the first page alone. This one gives all, in the order of the file, each a frame
/// of its own. PNG and TIFF files say how they are turned; FFmpeg does not look.
final class StillDecoder: FrameDecoder {
    private let decoder: VideoDecoder
    private let codec: AVCodecID
    private let path: String
    private(set) var pictureCount = 1
    private(set) var complaint: String?
    private var pages: TIFFPages?
    /// A picture that another library has decoded.
    private var ready: FrameHandle?
    /// What the files of pictures inside the decoder say, by their presentation time.
    private var marks: [Int64: StillMarks] = [:]

    /// - Throws: `VitvideoError` of kind `unavailable` where this FFmpeg cannot decode the stream.
    init(stream: UnsafeMutablePointer<AVStream>, path: String, threads: Int) throws {
        self.path = path
        codec = stream.pointee.codecpar.pointee.codec_id
        // A decoder with one thread is done with a packet once it wants the next.
        let isInStep = codec == AV_CODEC_ID_TIFF || codec == AV_CODEC_ID_MJPEG
        decoder = try VideoDecoder(stream: stream, path: path, threads: isInStep ? 1 : threads)
    }

    var codecName: String { decoder.codecName }
    var damagedPackets: Int { decoder.damagedPackets }
    var encryptedPackets: Int { decoder.encryptedPackets }

    func send(_ packet: UnsafeMutablePointer<AVPacket>?) throws {
        guard let packet else { return try pass(nil) }
        if codec == AV_CODEC_ID_MJPEG, let handle = try JPEGPicture.decode(packet) {
            ready = handle
            return
        }
        if codec == AV_CODEC_ID_TIFF, let structure = TIFFStructure(packet.bytes), !structure.isRaw {
            let pages = try locating("read", path) { try TIFFPages(packet, structure) }
            pictureCount = max(1, pages.left)
            self.pages = pages
            try sendPage()
        } else {
            if codec == AV_CODEC_ID_PNG || codec == AV_CODEC_ID_APNG {
                marks[packet.pointee.pts] = StillMarks(orientation: ExifOrientation.inPNG(packet.bytes))
            }
            try pass(packet)
        }
    }

    func receive(into handle: FrameHandle) throws -> DecoderOutput {
        if let ready {
            self.ready = nil
            handle.take(ready)
            return .frame
        }
        while true {
            let output = try decoder.receive(into: handle)
            switch output {
            case .frame:
                try marks.removeValue(forKey: handle.frame.pointee.pts)?.apply(to: handle)
                try DeepPicture.narrow(handle)
                if codec == AV_CODEC_ID_WEBP { try WebPPicture.convert(handle) }
                return .frame
            case .needsInput where pages != nil: try sendPage()
            case .needsInput, .end: return output
            }
        }
    }

    /// Sends the next page where one is left.
    private func sendPage() throws {
        guard let pages, let page = pages.next() else {
            self.pages = nil
            return
        }
        marks[page.packet.pointee.pts] = StillMarks(
            orientation: page.directory.orientation.flatMap(Orientation.init(exif:)),
            isFullRange: page.directory.blackLuma < 8, isCMYK: page.directory[262] == 5)
        try pass(page.packet)
    }

    /// Sends a packet to FFmpeg's decoder, which decodes a still on this thread.
    private func pass(_ packet: UnsafeMutablePointer<AVPacket>?) throws {
        complaint =
            try MediaLog.listening { lastError in
                try decoder.send(packet)
                return lastError()
            } ?? complaint
    }
}

extension UnsafeMutablePointer<AVPacket> {
    /// The packet's data, without the padding behind it.
    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: pointee.data, count: pointee.data == nil ? 0 : Int(pointee.size))
    }
}
