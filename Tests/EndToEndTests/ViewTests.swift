import Fixtures
import Pixels
import Testing
import VideoIO

/// Each view shows what its documentation says, pixel by pixel where the output is lossless.
@Suite struct ViewTests {
    @Test(arguments: [
        ("heads", "1920x600"), ("overlay", "1280x720"), ("heatmap", "1280x720"), ("side-by-side", "2560x720"),
        ("mask", "1280x720"),
    ])
    func sizesInAVideo(view: String, size: String) throws {
        let workspace = try Workspace()
        try workspace.succeed(
            Workspace.bunny, "-o", "out.mp4", "--view", view, "--frames", ":3", "--resolution", "112")
        let probe = MediaProbe(workspace.file("out.mp4"))
        #expect(try probe.size() == size)
        #expect(try probe.frameTimes().count == 3)
    }

    @Test func theGridIsNeverWiderThanFullHD() throws {
        let workspace = try Workspace()
        try workspace.ffmpeg("-i", Workspace.frame("full"), "-vf", "scale=3000:400", "long.png")
        try workspace.succeed("long.png", "-o", "out.png", "--resolution", "56")
        let image = try StillImage.read(workspace.file("out.png"))
        #expect(image.width <= 1920)
    }

    @Test func withoutOpacityTheFrameIsUnchanged() throws {
        let frame = Workspace.frame("wide")
        let image = try rendered(frame, ["--view", "overlay", "--alpha", "0", "--resolution", "112"])
        #expect(image == (try StillImage.read(frame)))
    }

    @Test func withFullOpacityTheOverlayIsTheHeatmap() throws {
        let frame = Workspace.frame("wide")
        let overlay = try rendered(frame, ["--view", "overlay", "--alpha", "1", "--resolution", "112"])
        let heatmap = try rendered(frame, ["--view", "heatmap", "--resolution", "112"])
        #expect(overlay == heatmap)
    }

    @Test func anOverlayIsAShareOfFrameAndHeatmap() throws {
        let frame = Workspace.frame("wide")
        let options = ["--colormap", "viridis", "--resolution", "112"]
        let overlay = try rendered(frame, ["--view", "overlay", "--alpha", "0.3"] + options)
        let heatmap = try rendered(frame, ["--view", "heatmap"] + options)
        let source = try StillImage.read(frame)
        let worst = overlay.bytes.indices.map { i in
            abs(Double(overlay.bytes[i]) - 0.7 * Double(source.bytes[i]) - 0.3 * Double(heatmap.bytes[i]))
        }.max()
        #expect(try #require(worst) <= 0.51)
    }

    @Test func sideBySideIsTheHeatmapAndTheFrame() throws {
        let frame = Workspace.frame("wide")
        let both = try rendered(frame, ["--view", "side-by-side", "--resolution", "112"])
        let heatmap = try rendered(frame, ["--view", "heatmap", "--resolution", "112"])
        let source = try StillImage.read(frame)
        #expect(both.height == source.height && both.width == 2 * source.width)
        for row in 0..<source.height {
            let line = both.bytes[row * both.width * 3..<(row + 1) * both.width * 3]
            let part = source.width * 3
            let range = row * part..<(row + 1) * part
            guard line.prefix(part) == heatmap.bytes[range], line.suffix(part) == source.bytes[range] else {
                Issue.record("row \(row) is not heatmap and frame")
                return
            }
        }
    }

    /// Patches within the threshold of the fused map keep their color, the others turn gray and dim.
    @Test(arguments: ["0.6", "0.2", "1"]) func theMaskKeepsTheThresholdsShare(threshold: String) throws {
        let workspace = try Workspace()
        let frame = Workspace.frame("full")
        try workspace.succeed(
            frame, "-o", "out.png", "--export", "out.npz", "--view", "mask", "--threshold", threshold,
            "--resolution", "112")
        let export = try AttentionExport(workspace.file("out.npz"))
        let image = try StillImage.read(workspace.file("out.png"))
        let source = try StillImage.read(frame)

        // DINO's definition, written out: of the cells in ascending order, those beyond 1 − t of the mass.
        let map = export.mean(frame: 0)
        let share = try #require(Double(threshold))
        let total = map.reduce(0.0) { $0 + Double($1) }
        var below = 0.0
        var kept: Set<Int> = []
        for cell in map.indices.sorted(by: { map[$0] < map[$1] }) {
            below += Double(map[cell])
            if below / total > 1 - share { kept.insert(cell) }
        }
        #expect(!kept.isEmpty)
        for cell in map.indices {
            let row = Int((Double(cell / export.columns) + 0.5) * export.meta.cell_height)
            let column = Int((Double(cell % export.columns) + 0.5) * export.meta.cell_width)
            let (shown, original) = (image[row, column], source[row, column])
            if kept.contains(cell) {
                #expect(shown == original, "cell \(cell) is kept")
            } else {
                #expect(shown.red == shown.green && shown.green == shown.blue, "cell \(cell) is grey")
                #expect(Int(shown.green) <= Int(max(original.red, original.green, original.blue)) / 2)
            }
        }
    }

    /// The picture that comes of a picture.
    private func rendered(_ frame: String, _ arguments: [String]) throws -> RGBImage {
        let workspace = try Workspace()
        let outcome = try workspace.run([frame, "-o", "out.png"] + arguments)
        try #require(outcome.status == 0, "\(outcome.errors)")
        return try StillImage.read(workspace.file("out.png"))
    }
}
