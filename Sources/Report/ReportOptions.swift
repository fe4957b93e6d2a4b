import Methods

/// What a report holds.
package struct ReportOptions: Sendable {
    /// The methods that have sections.
    let registry: MethodRegistry
    /// In the order of the page.
    let sections: [ReportSection]
    /// How many pictures, the first ones, are shown one by one.
    package let figures: Int
    package let settings: ReportSettings
    /// Where things are in the pictures, and what they are; nil where that is not known.
    let boxes: BoxList?

    /// - Parameters:
    ///   - names: of the sections; nil for those that a report has unasked.
    package init(
        sections names: Set<String>? = nil, figures: Int = 4, settings: ReportSettings = ReportSettings(),
        boxes: BoxList? = nil, of registry: MethodRegistry = .standard
    ) {
        self.registry = registry
        self.boxes = boxes
        sections = ReportSection.all(of: registry).filter { section in
            names?.contains(section.name) ?? section.isThereUnasked(hasBoxes: boxes != nil)
        }
        self.figures = figures
        self.settings = settings
    }

    /// How many of so many pictures are read at all: only surveys are of more than those shown.
    package func picturesRead(of count: Int) -> Int {
        if !surveys.isEmpty { return count }
        return sections.contains { $0.isOfPictures } ? min(figures, count) : 0
    }

    func contains(_ section: ReportSection) -> Bool { sections.contains { $0.name == section.name } }

    /// The sections about all pictures together.
    var surveys: [(section: ReportSection, survey: any Survey)] {
        sections.compactMap { section in
            guard case .survey(let survey) = section.content else { return nil }
            return (section, survey)
        }
    }

    /// The sections of methods that a model can be asked for.
    func methodSections(of subject: any ReportModel) -> [MethodSection] {
        sections.compactMap { section in
            guard case .method(let method) = section.content else { return nil }
            return method.needsClassifier && !subject.classifies ? nil : method
        }
    }
}
