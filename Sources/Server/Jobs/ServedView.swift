import Base
import Rendering

/// How maps are shown, as query items of a request say it: the view options of the command line by their names.
struct ServedView: Sendable {
    let view: View
    let style: HeatStyle
    /// As it was given; nil for the method's own.
    private let scale: String?

    /// - Throws: `HTTPProblem` and `VitvideoError` of kind `usage` for values that are none.
    init(_ head: HTTPHead) throws {
        var style = HeatStyle()
        guard let view = View(named: head.item("view") ?? "overlay") else {
            throw HTTPProblem(.badRequest, "there is no view of that name")
        }
        if let text = head.item("alpha") {
            guard let alpha = Double(text), (0...1).contains(alpha) else {
                throw HTTPProblem(.badRequest, "alpha is between 0 and 1")
            }
            style.alpha = alpha
        }
        if let name = head.item("colormap") {
            guard let map = ColorMap.named(name) else {
                throw HTTPProblem(.badRequest, "there is no colour map of that name")
            }
            style.colorMap = map
        }
        if let name = head.item("interpolation") {
            guard let interpolation = Interpolation(rawValue: name) else {
                throw HTTPProblem(.badRequest, "there is no interpolation of that name")
            }
            style.interpolation = interpolation
        }
        scale = head.item("scale")
        if let scale { style.scale = try HeatScale(parsing: scale) }
        (self.view, self.style) = (view, style)
    }

    /// What a command says; the command's own defaults are left out.
    var arguments: [String] {
        let standard = HeatStyle()
        var arguments = ["--view", view.rawValue]
        if style.alpha != standard.alpha { arguments += ["--alpha", "\(style.alpha)"] }
        if style.colorMap != standard.colorMap { arguments += ["--colormap", style.colorMap.name] }
        if style.interpolation != standard.interpolation {
            arguments += ["--interpolation", style.interpolation.rawValue]
        }
        if let scale { arguments += ["--scale", scale] }
        return arguments
    }
}
