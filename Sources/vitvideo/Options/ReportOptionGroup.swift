import ArgumentParser
import Methods
import Report

/// Where the report goes and what is in it.
struct ReportOptionGroup: ParsableArguments {
    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "Directory of the report: index.html, figures and arrays.", valueName: "directory"))
    var output: String

    @Flag(name: [.customShort("y"), .long], help: "Replace a report that is there already.")
    var overwrite = false

    @Option(
        help: ArgumentHelp(
            """
            Sections to make: \(ReportSection.all.map(\.name).joined(separator: ", ")). (default: all but \
            \(ReportOptionGroup.names(of: .named)), and \(ReportOptionGroup.names(of: .withBoxes)) with --boxes only)
            """, valueName: "name[,name…]"))
    var only: SectionList?

    @Option(
        help: ArgumentHelp(
            "How many pictures, the first ones, are shown one by one; what is measured is of all.",
            valueName: "n"))
    var figures: Int = 4

    @Option(
        help: ArgumentHelp(
            """
            Where things are in the pictures, for the sections \(ReportOptionGroup.boxSections.joined(separator: " and ")): CSV, a row each \
            of path,x0,y0,x1,y1,label in pixels, or COCO's JSON. With labels, which name classes or are their numbers, \
            accuracy is measured.
            """, valueName: "file"))
    var boxes: String?

    // The value may begin with a minus.
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Layer whose heads, queries and keys are shown, negative from the end.", valueName: "n"))
    var layer: Int = -1

    @Option(help: ArgumentHelp("Head whose queries and keys are shown.", valueName: "n"))
    var qkHead: Int = 0

    @Option(
        help: ArgumentHelp("Discard ratios that rollout is shown at.", valueName: "ratio[,ratio…]"))
    var discardRatios: RatioList = RatioList(values: [0, 0.5, 0.9])

    /// The options; the file of boxes is not read.
    ///
    /// - Parameters:
    ///   - classes: how many are listed, and shown by gradient rollout.
    ///   - list: what the file of boxes holds.
    func options(classes: Int, boxes list: BoxList?) -> ReportOptions {
        ReportOptions(
            sections: only?.names, figures: figures,
            settings: ReportSettings(
                layer: layer, head: qkHead, discardRatios: discardRatios.values, classes: classes),
            boxes: list)
    }

    private static func names(of presence: ReportSection.Presence) -> String {
        ReportSection.all.filter { $0.presence == presence }.map(\.name).joined(separator: " and ")
    }

    private static var boxSections: [String] { ReportSection.all.filter(\.usesBoxes).map(\.name) }

    func validate() throws {
        if output == "-" {
            throw ValidationError("-o is a directory, never standard output; name one")
        }
        if let names = only?.names {
            let needing = ReportSection.all.filter { $0.presence == .withBoxes && names.contains($0.name) }
            if let section = needing.first, boxes == nil {
                throw ValidationError(
                    "the section \(section.name) needs boxes; give their file with --boxes FILE")
            }
            if boxes != nil, names.isDisjoint(with: Self.boxSections) {
                throw ValidationError(
                    "--boxes is for the sections \(Self.boxSections.joined(separator: " and ")), and --only names "
                        + "neither")
            }
        }
        guard (0...1000).contains(figures) else { throw ValidationError("--figures is 0 to 1000") }
    }
}

/// `heads,rollout`.
struct SectionList: ExpressibleByArgument {
    let names: Set<String>

    init?(argument: String) {
        names = Set(argument.split(separator: ",", omittingEmptySubsequences: false).map(String.init))
        guard names.isSubset(of: ReportSection.all.map(\.name)) else { return nil }
    }
}

/// `0,0.5,0.9`.
struct RatioList: ExpressibleByArgument, CustomStringConvertible {
    let values: [Double]

    init(values: [Double]) { self.values = values }

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
        let values = parts.compactMap { Double($0) }
        guard values.count == parts.count, values.count <= 8, Set(values).count == values.count else {
            return nil
        }
        self.values = values
    }

    var description: String {
        values.map { $0 == $0.rounded() ? "\(Int($0))" : "\($0)" }.joined(separator: ",")
    }
}
