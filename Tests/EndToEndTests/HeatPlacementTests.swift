import Fixtures
import Pixels
import Testing
import VideoIO

/// Heat lies where the export says it is. A short side of 100 is not divisible by the patch: the model sees
/// 7 × 12 patches of a picture that has room for 7.1 × 12.7, and the map must neither be shifted nor stretched.
@Suite struct HeatPlacementTests {
    static let resolution = ["--resolution", "100"]
    /// Size of a patch on the clip: 1280 × 720 is resized to 177 × 100, torchvision rounding down.
    static let cellHeight = 14.0 * 720 / 100
    static let cellWidth = 14.0 * 1280 / 177

    /// Gray, in whole patches, without loss: every pixel follows from the export.
    @Test(arguments: [0, 4]) func everyPixelFollowsFromTheExport(head: Int) throws {
        let workspace = try Workspace()
        let outcome = try workspace.run(
            [
                Workspace.bunny, "-o", "f%02d.png", "--export", "out.npz", "--view", "heatmap", "--heads",
                "\(head)", "--interpolation", "nearest", "--colormap", "gray", "--frames", "40:100:20",
            ] + Self.resolution)
        try #require(outcome.status == 0, "\(outcome.errors)")
        let export = try AttentionExport(workspace.file("out.npz"))
        #expect(export.shape == [3, 1, 7, 12])
        for frame in 0..<3 {
            let image = try StillImage.read(workspace.file("f0\(frame + 1).png"))
            let map = export.map(frame: frame, head: 0)
            let (low, high) = (map.min() ?? 0, map.max() ?? 0)
            // matplotlib's gray is one level off in places.
            var wrong = 0
            for y in 0..<image.height {
                let row = min(6, Int((Double(y) + 0.5) / Self.cellHeight))
                for x in 0..<image.width {
                    let column = min(11, Int((Double(x) + 0.5) / Self.cellWidth))
                    let heat = (map[row * 12 + column] - low) / (high - low)
                    if abs(Int(image[y, x].green) - min(255, Int(256 * heat))) > 1 { wrong += 1 }
                }
            }
            #expect(wrong == 0, "pixels of frame \(frame)")
        }
    }

    /// The same through the encoder: the brightest place of each frame lies in the patch that the export has as
    /// the hottest, or in one that is as hot but for what the encoder loses.
    @Test(arguments: [("nearest", 0), ("nearest", 3), ("bilinear", 2)])
    func theBrightestPlaceIsTheHottestPatch(interpolation: String, head: Int) throws {
        let workspace = try Workspace()
        let outcome = try workspace.run(
            [
                Workspace.bunny, "-o", "out.mp4", "--export", "out.npz", "--view", "heatmap", "--heads",
                "\(head)", "--interpolation", interpolation, "--frames", ":80:10",
            ] + Self.resolution)
        try #require(outcome.status == 0, "\(outcome.errors)")
        let export = try AttentionExport(workspace.file("out.npz"))
        let reader = try VideoReader.open(workspace.file("out.mp4"))
        var count = 0
        while let frame = try reader.nextFrame() {
            let map = export.map(frame: count, head: 0)
            let (y, x) = Self.brightest(frame.image)
            let row = min(6, Int(Double(y) / Self.cellHeight))
            let column = min(11, Int(Double(x) / Self.cellWidth))
            let (low, high) = (map.min() ?? 0, map.max() ?? 0)
            let heat = (map[row * 12 + column] - low) / (high - low)
            #expect(heat > 0.97, "frame \(count): \(y), \(x), patch \(hottest(map)) is the hottest")
            count += 1
        }
        #expect(count == 8)
    }

    /// What the patches leave out is at the right and at the bottom: without it the maps are the same.
    @Test func theCropIsAtTheRightAndAtTheBottom() throws {
        let workspace = try Workspace()
        let frame = Workspace.frame("full")
        try workspace.ffmpeg("-i", frame, "-vf", "crop=177:123:300:200", "odd.png")
        try workspace.ffmpeg("-i", frame, "-vf", "crop=168:112:300:200", "even.png")
        for name in ["odd", "even"] {
            try workspace.succeed("\(name).png", "--export", "\(name).npz", "--resolution", "native")
        }
        let odd = try AttentionExport(workspace.file("odd.npz"))
        let even = try AttentionExport(workspace.file("even.npz"))
        #expect(odd.shape == [1, 6, 8, 12])
        #expect(odd.shape == even.shape)
        #expect(bits(odd.attention) == bits(even.attention))
    }

    /// A tile of the grid against the same head's own picture.
    @Test func theGridShowsEachHeadInItsPlace() throws {
        let workspace = try Workspace()
        let frame = Workspace.frame("full")
        let style = ["--colormap", "gray", "--alpha", "1", "--interpolation", "nearest"]
        let outcome = try workspace.run(
            [frame, "-o", "grid.png", "--export", "out.npz"] + style + Self.resolution)
        try #require(outcome.status == 0, "\(outcome.errors)")
        let grid = try StillImage.read(workspace.file("grid.png"))
        #expect(grid.height == 600 && grid.width == 1920)
        let export = try AttentionExport(workspace.file("out.npz"))
        // 4 × 2 tiles of 477 × 268, a caption of 30 above each and 4 between them: the frame, the mean, 6 heads.
        let maps = [export.mean(frame: 0)] + (0..<6).map { export.map(frame: 0, head: $0) }
        let (cellHeight, cellWidth) = (Self.cellHeight * 268 / 720, Self.cellWidth * 477 / 1280)
        for (index, map) in maps.enumerated() {
            let tile = index + 1
            let top = tile / 4 * (30 + 268 + 4) + 30
            let left = tile % 4 * (477 + 4)
            let (low, high) = (map.min() ?? 0, map.max() ?? 0)
            for position in map.indices {
                let y = top + Int((Double(position / 12) + 0.5) * cellHeight)
                let x = left + Int((Double(position % 12) + 0.5) * cellWidth)
                let gray = Int(min(255, 256 * (map[position] - low) / (high - low)))
                #expect(abs(Int(grid[y, x].green) - gray) <= 1, "tile \(tile), cell \(position)")
            }
        }
    }

    /// The middle of the 9 × 9 pixels that are together the brightest.
    private static func brightest(_ image: RGBImage) -> (y: Int, x: Int) {
        let (height, width) = (image.height, image.width)
        // Sums over the rectangle from the corner, one row and column larger than the picture.
        var sums = [Int](repeating: 0, count: (height + 1) * (width + 1))
        for y in 0..<height {
            var line = 0
            for x in 0..<width {
                line += Int(image.bytes[(y * width + x) * 3 + 1])
                sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1] + line
            }
        }
        var best = (sum: -1, y: 0, x: 0)
        for y in 4..<height - 4 {
            for x in 4..<width - 4 {
                let (top, bottom) = ((y - 4) * (width + 1), (y + 5) * (width + 1))
                let sum = sums[bottom + x + 5] - sums[bottom + x - 4] - sums[top + x + 5] + sums[top + x - 4]
                if sum > best.sum { best = (sum, y, x) }
            }
        }
        return (best.y, best.x)
    }
}
