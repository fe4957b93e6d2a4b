import Base
import Pixels
import Probing
import Rendering
import VideoIO

/// The finished pictures: one, a sheet of several, or numbered files.
package final class VisualizationPictures: VisualizationOutput {
    /// How several pictures stand in one.
    package enum Sheet: String, Sendable, CaseIterable {
        /// In order, in as many columns as make a good shape.
        case contact
        /// A row for each layer, from the first one down.
        case progression
    }

    private let writer: VideoWriter
    private let layout: SheetLayout?
    private let units: [VisualizedUnit]
    private var tiles: [RGBImage?]
    private var captions: [String]
    private var written: Int64 = 0

    /// - Parameters:
    ///   - path: of a picture, or with a place for a number, which starts at 1.
    ///   - sheet: nil for the picture of a single unit alone.
    ///   - height, width: of each picture in pixels.
    /// - Throws: as `VideoWriter.create`.
    package init(
        path: String, units: [VisualizedUnit], sheet: Sheet?, height: Int, width: Int, options: WriterOptions
    ) throws {
        self.units = units
        tiles = units.map { _ in nil }
        captions = units.map(\.name)
        let isNumbered = try OutputFormat(path: path).holdsSeveralPictures
        layout =
            isNumbered || sheet == nil && units.count == 1
            ? nil : SheetLayout(units: units, sheet: sheet ?? .contact, height: height, width: width)
        writer = try VideoWriter.create(
            path, height: layout?.grid.height ?? height, width: layout?.grid.width ?? width, options: options)
    }

    package var temporaryPaths: [String] { writer.temporaryPaths }

    package func add(_ feature: VisualizedFeature, unit: Int) throws {
        let image = feature.image
        guard layout != nil else { return try write(image) }
        tiles[unit] = image
        captions[unit] = "\(units[unit].name)   \(Self.shortened(feature.activation))"
    }

    package func finish() throws {
        try writeSheet()
        try writer.finish()
    }

    package func finishPartial() throws -> String? {
        try writeSheet()
        return try writer.finishPartial()
    }

    package func abandon() { writer.abandon() }

    private func writeSheet() throws {
        if let layout { try write(try layout.compose(tiles, captions: captions)) }
    }

    private func write(_ image: RGBImage) throws {
        try writer.write(
            image, at: FrameTime(ptsTicks: written, durationTicks: 1, timeBase: Rational(1, 25)))
        written += 1
    }

    /// Three digits.
    private static func shortened(_ value: Float) -> String { formatted("%.3g", value) }
}

/// Where pictures stand in a sheet.
struct SheetLayout {
    let grid: TileGrid
    /// The unit in each place of the grid; nil for an empty one.
    private let places: [Int?]

    /// Pixels of a sheet at most; pictures are made smaller where they do not fit.
    private static let mostPixels = (height: 8192, width: 4096)

    init(units: [VisualizedUnit], sheet: VisualizationPictures.Sheet, height: Int, width: Int) {
        var columns: Int?
        switch sheet {
        case .contact: places = Array(units.indices)
        case .progression:
            let rows = Dictionary(grouping: units.indices) { units[$0].layer ?? -1 }
            let longest = rows.values.map(\.count).max() ?? 1
            places = rows.sorted { $0.key < $1.key }.flatMap { row -> [Int?] in
                row.value + [Int?](repeating: nil, count: longest - row.value.count)
            }
            columns = longest
        }
        grid = TileGrid(
            count: places.count, sourceHeight: height, sourceWidth: width, columns: columns,
            maximumHeight: Self.mostPixels.height, maximumWidth: Self.mostPixels.width)
    }

    /// - Parameters:
    ///   - tiles: by unit; nil for a picture that there is not.
    ///   - captions: by unit.
    /// - Throws: `VitvideoError` of kind `software`.
    func compose(_ tiles: [RGBImage?], captions: [String]) throws -> RGBImage {
        var composer = TileComposer(grid: grid)
        let empty = RGBImage(
            height: grid.tileHeight, width: grid.tileWidth, gray: TileComposer.background)
        return try composer.compose(
            tiles: places.map { $0.flatMap { tiles[$0] } ?? empty },
            captions: places.map { $0.map { captions[$0] } ?? "" })
    }
}
