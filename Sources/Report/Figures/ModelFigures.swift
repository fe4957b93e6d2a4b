import Methods
import Pixels
import Probing
import Rendering
import ViT

/// Draws what is known of a model by its weights alone.
struct ModelFigures {
    let subject: ReportSubject
    let writer: FigureWriter

    /// The first 128 filters of the patch embedding, in rows of 16.
    ///
    /// - Throws: `VitvideoError`.
    func filters() throws -> PageEntry.Content {
        let side = subject.model.configuration.patchSize
        let filters = ProjectionFilters.scaled(of: subject.model)
        let pictures = filters.map { values in
            RGBImage(
                height: side, width: side,
                bytes: values.map { UInt8(($0 * 255).rounded()) })
        }
        return .figures([
            try writer.write(
                name(.filters), try HeatTiles.mosaic(pictures, columns: 16),
                text:
                    "The first \(filters.count) filters of \(subject.name)'s patch embedding, each \(side)×\(side) "
                    + "pixels in colour",
                arrays: [FigureArray("filters", [filters.count, side, side, 3], filters.flatMap { $0 })],
                provenance)
        ])
    }

    /// The matrix, and its rows for a few patches laid out as pictures; a note of a model without a table.
    ///
    /// - Throws: `VitvideoError`.
    func positions() throws -> PageEntry.Content {
        let c = subject.model.configuration
        guard c.position.hasTable else {
            return .note(
                "\(subject.name) has no position embeddings: it rotates queries and keys by their places.")
        }
        let similarity = try PositionSimilarity.matrix(of: subject.model)
        let figure = MatrixFigure(
            title: "Position similarity, \(subject.name)", axisLabel: "patch, row by row",
            valueLabel: "dot product", matrix: similarity)
        return .figures([
            try writer.write(
                name(.positions), try figure.image(),
                text: "Dot products of the position embeddings of \(subject.name): \(similarity.height) "
                    + "by \(similarity.width) patches",
                arrays: [
                    FigureArray("similarity", [similarity.height, similarity.width], similarity.values)
                ],
                provenance),
            try writer.write(
                name(.positions) + "-patches", try patches(similarity),
                text:
                    "The rows of that matrix for patches spread over the \(c.nativeRows)×\(c.nativeColumns) "
                    + "grid, each laid out as a picture at the patch's place",
                arrays: [], provenance),
        ])
    }

    /// Most patches along one side that the similarities are shown for.
    private static let shownPatches = 7

    private func patches(_ similarity: Plane) throws -> RGBImage {
        let c = subject.model.configuration
        func spread(_ count: Int) -> [Int] {
            let shown = min(count, Self.shownPatches)
            return (0..<shown).map { (2 * $0 + 1) * count / (2 * shown) }
        }
        var scaler = HeatScaler(.frame)
        let columns = spread(c.nativeColumns)
        let pictures = spread(c.nativeRows).flatMap { row in
            columns.map { column in
                let start = (row * c.nativeColumns + column) * similarity.width
                let map = Plane(
                    height: c.nativeRows, width: c.nativeColumns,
                    values: Array(similarity.values[start..<start + similarity.width]))
                return ColorMap.viridis.picture(of: scaler.heat(of: map, at: 0))
            }
        }
        return try HeatTiles.mosaic(pictures, columns: columns.count)
    }

    private func name(_ section: ReportSection) -> String { "\(section.name)-\(subject.fileName)" }

    private var provenance: Provenance { subject.provenance(version: writer.version) }
}
