import Base
import Pixels
import VideoIO

/// Some of many pictures, looked at before the run: spread over all there are. Those that cannot be used are left out, as
/// the run leaves them out.
package struct PictureSampler: SampledInput {
    private let paths: [String]
    private let check: @Sendable (RGBImage) throws -> Void

    /// - Parameter check: as of `PictureSource`.
    package init(paths: [String], check: @escaping @Sendable (RGBImage) throws -> Void) {
        self.paths = paths
        self.check = check
    }

    package func forEachFrame(_ body: (RGBImage) throws -> Void) throws {
        for place in FrameSampler.spread(over: paths.count) {
            if let image = usable(paths[place]) { try body(image) }
        }
    }

    package func firstFrame() throws -> RGBImage? { paths.lazy.compactMap(usable).first }

    private func usable(_ path: String) -> RGBImage? {
        guard case .picture(let image) = PictureSource(paths: [path], check: check).next()?.content else {
            return nil
        }
        return image
    }

    package func frame(at index: Int) throws -> RGBImage {
        throw VitvideoError(
            .usage, reason: "there is no frame \(index) of pictures that are not a clip",
            nextStep: .advice("name the picture itself"))
    }
}
