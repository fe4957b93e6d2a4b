import Fixtures
import Pixels
import Testing
import VideoIO

/// Layers, heads, fusion and scales: what is computed, and what of it is shown.
@Suite struct AttentionOptionTests {
    @Test func layersCountFromBothEnds() throws {
        let workspace = try Workspace()
        for layer in ["5", "-7", "-1", "11"] {
            try workspace.succeed(
                Workspace.frame("wide"), "--export", "layer\(layer).npz", "--layer", layer, "--resolution",
                "112")
        }
        #expect(try workspace.bytes(of: "layer5.npz") == workspace.bytes(of: "layer-7.npz"))
        #expect(try workspace.bytes(of: "layer11.npz") == workspace.bytes(of: "layer-1.npz"))
        let (middle, last) = try (
            AttentionExport(workspace.file("layer5.npz")), AttentionExport(workspace.file("layer11.npz"))
        )
        #expect(middle.meta.layer == 5 && last.meta.layer == 11)
        #expect(middle.attention != last.attention)
    }

    /// What does not fit is refused before it begins; what the message says would fit does.
    @Test func theMemoryBudgetNamesTheResolutionThatFits() throws {
        let workspace = try Workspace()
        let arguments = [
            Workspace.frame("wide"), "--export", "out.npz", "--workers", "1", "--budget-memory", "60M",
        ]
        let refused = try workspace.run(arguments + ["--resolution", "1400", "--allow-huge-frames", "-q"])
        #expect(refused.status == 64 && refused.errorLines.count == 1, "\(refused.errors)")
        #expect(try workspace.contents.isEmpty)
        let match = try #require(refused.errors.firstMatch(of: /--resolution (\d+) would fit/))
        let side = try #require(Int(match.1))
        #expect(side > 448 && side < 1400)
        let taken = try workspace.run(arguments + ["--resolution", String(side)])
        #expect(taken.status == 0, "\(taken.errors)")
        let next = try workspace.run(arguments + ["--resolution", String(side + 14), "-y"])
        #expect(next.status == 64)
    }

    /// 8-bit integers tell what they cost, or that the CPU has not got them; a report does without.
    @Test func int8IsMeasuredOnTheFirstFrame() throws {
        let workspace = try Workspace()
        let outcome = try workspace.run([
            Workspace.frame("wide"), "--export", "out.npz", "--resolution", "224", "--precision", "int8",
            "-v",
        ])
        if outcome.status == 0 {
            let match = try #require(outcome.errors.firstMatch(of: /in int8 off by ([0-9.]+) of 255/))
            #expect(try #require(Double(match.1)) < 2)
            #expect(outcome.errors.contains("oneDNN") && outcome.errors.contains(", int8"))
        } else {
            #expect(outcome.status == 69 && outcome.errors.contains("cannot compute in int8: this CPU"))
        }
        let report = try workspace.run([
            "probe", Workspace.frame("wide"), "-o", "report", "--precision", "int8",
        ])
        #expect(report.status == 64 && report.errors.contains("exact numbers"))
    }

    @Test func headsComeInTheOrderAskedFor() throws {
        let workspace = try Workspace()
        let outcome = try workspace.run(
            [
                Workspace.bunny, "-o", "out.mp4", "--export", "out.npz", "--heads", "3,0", "--frames",
                "70:72",
            ] + SharedRun.resolution)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let whole = try AttentionExport(SharedRun.whole().archive)
        let part = try AttentionExport(workspace.file("out.npz"))
        #expect(part.shape == [2, 2, 8, 14])
        #expect(part.meta.heads == [3, 0])
        for frame in 0..<2 {
            for (position, head) in [3, 0].enumerated() {
                #expect(
                    bits(part.map(frame: frame, head: position))
                        == bits(whole.map(frame: 70 + frame, head: head)))
            }
        }
        // Two heads are shown as four tiles.
        #expect(try MediaProbe(workspace.file("out.mp4")).size() != "1920x600")
    }

    /// With fixed limits gray is the value itself, so the picture tells what was fused.
    @Test(arguments: ["mean", "min", "max"]) func fusion(name: String) throws {
        let fuse: ([Float]) -> Float =
            switch name {
            case "min": { $0.min() ?? 0 }
            case "max": { $0.max() ?? 0 }
            default: { $0.reduce(0, +) / Float($0.count) }
            }
        let (image, export) = try gray("--fusion", name, "--scale", "0:0.05")
        expectGray(image, export, export.fused(frame: 0, fuse), from: 0, to: 0.05)
    }

    /// Only the heads chosen are fused.
    @Test func fusionOfSomeHeads() throws {
        let (image, export) = try gray("--fusion", "max", "--heads", "2,5", "--scale", "0:0.05")
        #expect(export.heads == 2)
        expectGray(image, export, export.fused(frame: 0) { $0.max() ?? 0 }, from: 0, to: 0.05)
    }

    /// The limits that were asked for, and beyond them the ends' colors.
    @Test func fixedScale() throws {
        let (image, export) = try gray("--scale", "0:0.01")
        let map = export.mean(frame: 0)
        #expect(map.contains { $0 > 0.01 }, "the limit matters here")
        expectGray(image, export, map, from: 0, to: 0.01)
    }

    @Test func ownScaleOfEachFrame() throws {
        let (image, export) = try gray("--scale", "frame")
        let map = export.mean(frame: 0)
        expectGray(image, export, map, from: map.min() ?? 0, to: map.max() ?? 0)
    }

    /// A steadier scale than each frame's own: the brightness of the first and last pixels moves less.
    @Test func smoothScaleFollowsSlowly() throws {
        let workspace = try Workspace()
        try workspace.succeed(
            Workspace.bunny, "-o", "f%02d.png", "--export", "out.npz", "--view", "heatmap", "--colormap",
            "gray",
            "--interpolation", "nearest", "--scale", "smooth:10", "--frames", "40:48", "--resolution", "112",
            "--no-audio")
        let export = try AttentionExport(workspace.file("out.npz"))
        let first = export.mean(frame: 0)
        // In 0.28 s of a half-life of 10 s limits move by 2 % of the way: nearly the first frame's still apply.
        let (low, high) = (first.min() ?? 0, first.max() ?? 0)
        let image = try StillImage.read(workspace.file("f08.png"))
        let map = export.mean(frame: 7)
        for cell in map.indices {
            let heat = min(max((map[cell] - low) / (high - low), 0), 1)
            let y = Int((Double(cell / export.columns) + 0.5) * export.meta.cell_height)
            let x = Int((Double(cell % export.columns) + 0.5) * export.meta.cell_width)
            #expect(abs(Float(image[y, x].green) / 255 - heat) < 0.05)
        }
    }

    /// A real frame as an opaque gray heatmap in whole patches, with its export.
    private func gray(_ arguments: String...) throws -> (RGBImage, AttentionExport) {
        let workspace = try Workspace()
        let outcome = try workspace.run(
            [
                Workspace.frame("full"), "-o", "out.png", "--export", "out.npz", "--view", "heatmap",
                "--colormap", "gray", "--interpolation", "nearest", "--resolution", "112",
            ] + arguments)
        try #require(outcome.status == 0, "\(outcome.errors)")
        return (
            try StillImage.read(workspace.file("out.png")), try AttentionExport(workspace.file("out.npz"))
        )
    }

    private func expectGray(
        _ image: RGBImage, _ export: AttentionExport, _ map: [Float], from low: Float, to high: Float,
        at location: SourceLocation = #_sourceLocation
    ) {
        for cell in map.indices {
            let heat = min(max((map[cell] - low) / (high - low), 0), 1)
            let y = Int((Double(cell / export.columns) + 0.5) * export.meta.cell_height)
            let x = Int((Double(cell % export.columns) + 0.5) * export.meta.cell_width)
            #expect(
                abs(Int(image[y, x].green) - min(255, Int(256 * heat))) <= 1, "cell \(cell)",
                sourceLocation: location)
        }
    }
}
