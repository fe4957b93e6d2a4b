import Base
import Pixels

extension VideoReader {
    /// The picture in a file, whole: of a video or of several pages the first.
    ///
    /// - Throws: `VitvideoError`, of kind `badData` also for a picture that is there in part only.
    package static func picture(in path: String, threads: Int = 1) throws -> RGBImage {
        let reader = try open(path, options: ReaderOptions(keepAudio: false, threads: threads))
        defer { reader.close() }
        guard let frame = try reader.nextFrame() else {
            throw VitvideoError(.badData, cannot: "read", path: path, reason: "it holds no picture")
        }
        // That its end is missing, a picture only says there.
        if reader.info.isStill { while try reader.nextFrame() != nil {} }
        if let damage = reader.warnings.first(where: { $0.kind == .damage }) {
            throw VitvideoError(.badData, cannot: "use", path: path, reason: "\(damage)")
        }
        return frame.image
    }
}

extension VideoFrame {
    /// A picture that is no clip's.
    ///
    /// - Parameter place: its number among those it is used with.
    package init(_ picture: RGBImage, at place: Int) {
        let time = FrameTime(ptsTicks: 0, durationTicks: 1, timeBase: Rational(1, 25))
        self.init(image: picture, index: place, time: time, outputTime: time)
    }
}
