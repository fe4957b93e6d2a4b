import Fixtures
import Pixels
import VideoIO

/// A clip of real footage over which two textured shapes move, with the masks of each frame.
///
/// The ground is Big Buck Bunny; the shapes are cut out of another clip. A disk crosses the picture to the right and down,
/// a rectangle to the left.
struct MovingShapes {
    static let height = 240
    static let width = 416
    let frames: Int

    /// The object at a pixel of a frame.
    static func object(frame: Int, row: Int, column: Int) -> UInt8 {
        let (diskRow, diskColumn, radius) = (70 + frame, 90 + 4 * frame, 44)
        let (down, across) = (row - diskRow, column - diskColumn)
        if down * down + across * across <= radius * radius { return 1 }
        let left = 290 - 3 * frame
        return (130..<220).contains(row) && (left..<left + 84).contains(column) ? 2 : 0
    }

    /// Writes `clip.mkv`, without loss, and `truth/00001.png` and so on.
    func write(to workspace: Workspace) throws {
        let ground = try VideoReader.open(Workspace.bunny, options: ReaderOptions(keepAudio: false))
        let textures = try VideoReader.open(Workspace.bikes, options: ReaderOptions(keepAudio: false))
        defer {
            ground.close()
            textures.close()
        }
        guard let texture = try textures.nextFrame()?.image else { return }
        let writer = try VideoWriter.create(
            workspace.file("clip.mkv"), height: Self.height, width: Self.width,
            options: WriterOptions(
                codec: "ffv1", frameRate: Rational(25, 1), timeBase: Rational(1, 25)))
        try workspace.makeDirectory("truth")
        let masks = try MaskWriter(workspace.file("truth/%05d.png"))
        for index in 0..<frames {
            guard let under = try ground.nextFrame()?.image else { return }
            var picture = RGBImage(height: Self.height, width: Self.width)
            var mask = IndexMask(height: Self.height, width: Self.width)
            for row in 0..<Self.height {
                for column in 0..<Self.width {
                    let object = Self.object(frame: index, row: row, column: column)
                    mask[row, column] = object
                    switch object {
                    // A texture moves with its shape.
                    case 1: picture[row, column] = texture[row - index + 30, column - 4 * index + 40]
                    case 2: picture[row, column] = texture[row + 20, column + 3 * index + 180]
                    default: picture[row, column] = under[row * 3, column * 3]
                    }
                }
            }
            try writer.write(
                picture, at: FrameTime(ptsTicks: Int64(index), durationTicks: 1, timeBase: Rational(1, 25)))
            try masks.write(mask)
        }
        try writer.finish()
        try masks.finish()
    }
}
