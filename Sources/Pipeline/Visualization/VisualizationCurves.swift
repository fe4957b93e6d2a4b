import Base
import Files
import Glibc
import Probing
import Rendering
import VideoIO

/// A table of every step, as comma-separated values: `unit`, `step`, `objective`, `activation` and
/// `total_variation` of the augmented copies, `learning_rate`.
package final class VisualizationTable: VisualizationOutput {
    private let table: TableFile
    private let units: [VisualizedUnit]
    private let recipe: VisualizationRecipe

    /// - Parameter path: "-" for standard output, where rows are as soon as they are known.
    /// - Throws: `VitvideoError` of kind `cannotCreate`.
    package init(path: String, overwrite: Bool, units: [VisualizedUnit], recipe: VisualizationRecipe) throws {
        table = try TableFile(path, overwrite: overwrite)
        self.units = units
        self.recipe = recipe
        try table.write(
            ["unit", "step", "objective", "activation", "total_variation", "learning_rate"])
    }

    package var temporaryPaths: [String] { table.temporaryPaths }

    package func add(_ step: VisualizationStep, picture: [Float], unit: Int) throws {
        let numbers = [
            step.objective, step.activation, step.totalVariation, recipe.learningRate(at: step.index),
        ]
        try table.write(
            [units[unit].name, String(step.index)] + numbers.map { formatted("%.7g", $0) })
    }

    package func finish() throws { try table.finish() }

    package func finishPartial() throws -> String? {
        try table.finish(as: table.partialName)
        return table.partialName
    }

    package func abandon() { table.abandon() }
}

/// Objective and activation over the steps, drawn to a PNG or SVG file.
package final class VisualizationPlot: VisualizationOutput {
    private let file: PlotFile
    private let title: String
    private let units: [VisualizedUnit]
    private var steps: [[VisualizationStep]]

    /// How many units a legend names.
    private static let legendLimit = 12

    /// - Throws: as `PlotFile.init`.
    package init(path: String, overwrite: Bool, title: String, units: [VisualizedUnit]) throws {
        self.title = title
        self.units = units
        steps = units.map { _ in [] }
        file = try PlotFile(path, overwrite: overwrite)
    }

    package var temporaryPaths: [String] { file.temporaryPaths }

    package func add(_ step: VisualizationStep, picture: [Float], unit: Int) { steps[unit].append(step) }

    package func finish() throws { try file.finish(figure(), as: nil) }

    package func finishPartial() throws -> String? {
        let name = OutputFormat.partialName(of: file.path)
        try file.finish(figure(), as: name)
        return name
    }

    package func abandon() { file.abandon() }

    private func figure() -> ChartFigure {
        ChartFigure(
            title: title, xLabel: "step",
            charts: [
                chart("Activation, mean over the augmented copies", "activation", \.activation),
                chart("Objective, which is made small", "objective", \.objective),
            ])
    }

    private func chart(
        _ title: String, _ label: String, _ value: (VisualizationStep) -> Float
    ) -> Chart {
        Chart(
            title: title, yLabel: label,
            series: units.indices.map { unit in
                ChartSeries(
                    name: units.count <= Self.legendLimit ? units[unit].name : nil,
                    color: ChartSeries.color(unit), lineWidth: 1.2,
                    points: steps[unit].map { (Double($0.index), Double(value($0))) })
            })
    }
}
