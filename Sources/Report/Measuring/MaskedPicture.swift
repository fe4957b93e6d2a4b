import Base
import Pixels

extension RGBImage {
    /// The picture with the box black: what is around the thing.
    func withoutBox(_ box: BoxList.Box) -> RGBImage { keeping(box, false) }

    /// The picture black but for the box: the thing alone.
    func onlyBox(_ box: BoxList.Box) -> RGBImage { keeping(box, true) }

    /// - Parameter inside: whether what is in the box stays, or else what is not.
    private func keeping(_ box: BoxList.Box, _ inside: Bool) -> RGBImage {
        var picture = self
        for row in 0..<height {
            for column in 0..<width {
                let isInside = box.x0..<box.x1 ~= column && box.y0..<box.y1 ~= row
                if isInside != inside { picture[row, column] = (0, 0, 0) }
            }
        }
        return picture
    }
}

extension PictureBoxes {
    /// The picture's box, nil without one.
    ///
    /// - Throws: `VitvideoError` of kind `badData` for a box that is not within the picture.
    func box(of path: String, in image: RGBImage) throws -> BoxList.Box? {
        guard let box = boxes[path] else { return nil }
        for (name, end, side, word) in [
            ("x1", box.x1, image.width, "wide"), ("y1", box.y1, image.height, "high"),
        ] where end > side {
            throw VitvideoError(
                .badData, cannot: "use", path: source,
                reason: "\(box.place): the box ends outside the picture, \(name) is \(end) and "
                    + "\(oneLine(path, limit: 4096)) is \(side) pixels \(word)")
        }
        return box
    }
}
