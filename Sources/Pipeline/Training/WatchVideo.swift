import Base
import Pixels
import Probing
import Rendering
import Training
import VideoIO

/// Training as a video: a frame a look, with the watched pictures and what each head of the last block attends to, and the loss
/// so far beneath.
package final class WatchVideo: TrainingOutput {
    /// Frames a second.
    package static let rate: Int32 = 25

    private let writer: VideoWriter
    private let watch: AttentionWatch
    private let grid: TileGrid
    private let style: HeatStyle
    private var composer: TileComposer

    /// Sides of tiles in pixels that are looked at with ease.
    private static let tileSides = 160...480
    private static let chartHeight = 200

    /// - Parameter heads: of the model.
    /// - Throws: as `VideoWriter.create`.
    package init(
        path: String, watch: AttentionWatch, heads: Int, style: HeatStyle = HeatStyle(),
        options: WriterOptions
    ) throws {
        self.watch = watch
        self.style = style
        let side = watch.subjects.first.map { $0.frames[0].height } ?? 1
        let factor = (Self.tileSides.lowerBound + side - 1) / side
        let tile = min(side * max(1, factor), Self.tileSides.upperBound)
        // The picture, each head, and their mean.
        grid = TileGrid(
            count: watch.subjects.count * (heads + 2), sourceHeight: tile, sourceWidth: tile,
            columns: heads + 2)
        composer = TileComposer(grid: grid)
        var options = options
        options.frameRate = Rational(Self.rate, 1)
        options.timeBase = Rational(1, Self.rate)
        writer = try VideoWriter.create(
            path, height: grid.height + Self.figure(width: grid.width).height, width: grid.width,
            options: options)
    }

    package var temporaryPaths: [String] { writer.temporaryPaths }
    package func abandon() { writer.abandon() }

    package func finish(_ course: TrainingCourse) throws {
        let losses = course.losses(limit: 1024)
        let validation = course.ofEpochs { $0.validation?.meanLoss }
        let highest = (losses + validation).map(\.y).filter(\.isFinite).max() ?? 1
        for (index, kept) in course.history.looks.enumerated() {
            let look = watch.look(kept)
            let until = Double(look.steps)
            var figure = Self.figure(width: grid.width)
            figure.title = Self.title(look, course)
            func curve(_ name: String, _ color: Int, _ points: [(x: Double, y: Double)]) -> ChartSeries {
                // The axis has the whole run from the beginning.
                let ends = [(x: 0.0, y: Double.nan), (x: Double(course.steps), y: Double.nan)]
                return ChartSeries(
                    name: name, color: ChartSeries.color(color),
                    points: [ends[0]] + points.filter { $0.x <= until } + [ends[1]])
            }
            figure.charts = [
                Chart(
                    title: "Loss", yLabel: "nats",
                    series: [curve("training", 0, losses), curve("validation", 1, validation)],
                    yLimits: (0, 1.05 * highest))
            ]
            let (pictures, chart) = (try tiles(look, index), try figure.image())
            try writer.write(
                RGBImage(
                    height: pictures.height + chart.height, width: grid.width,
                    bytes: pictures.bytes + chart.bytes),
                at: FrameTime(ptsTicks: Int64(index), durationTicks: 1, timeBase: Rational(1, Self.rate)))
        }
        try writer.finish()
    }

    private static func figure(width: Int) -> ChartFigure {
        ChartFigure(
            title: "", xLabel: "step", charts: [Chart(title: "", yLabel: "", series: [])], width: width,
            chartHeight: chartHeight)
    }

    private static func title(_ look: AttentionWatch.Look, _ course: TrainingCourse) -> String {
        var text = "step \(look.steps) of \(course.steps)"
        if let loss = course.history.steps.prefix(look.steps).last?.loss {
            text += formatted(", loss %.3f", loss)
        }
        if let accuracy = course.history.epochs.prefix(look.steps / course.batches).last?.validation?
            .top1Accuracy
        {
            text += formatted(", validation %.1f %%", accuracy * 100)
        }
        return text
    }

    private func tiles(_ look: AttentionWatch.Look, _ index: Int) throws -> RGBImage {
        var (tiles, captions): ([RGBImage], [String]) = ([], [])
        for (subject, maps) in zip(watch.subjects, look.maps) {
            let picture = subject.frames[index % subject.frames.count]
            var resizer = Resizer(
                frameHeight: picture.height, frameWidth: picture.width, height: grid.tileHeight,
                width: grid.tileWidth)
            let ground = resizer(picture)
            var scaler = HeatScaler(.frame)
            tiles.append(ground)
            captions.append(subject.name)
            let fused = HeadFusion.mean.fuse(maps)
            for (name, map) in zip(maps.indices.map { "head \($0)" } + ["mean"], maps + [fused]) {
                var painter = HeatPainter(
                    height: grid.tileHeight, width: grid.tileWidth,
                    placement: MapPlacement(
                        covering: grid.tileHeight, grid.tileWidth, rows: map.height, columns: map.width),
                    style: style)
                tiles.append(painter.overlay(scaler.heat(of: map, at: 0), on: ground))
                captions.append(name)
            }
        }
        return try composer.compose(tiles: tiles, captions: captions)
    }
}
