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

    /// - Parameters:
    ///   - names: of the sections; nil for all.
    package init(
        sections names: Set<String>? = nil, figures: Int = 4, settings: ReportSettings = ReportSettings(),
        of registry: MethodRegistry = .standard
    ) {
        self.registry = registry
        sections = ReportSection.all(of: registry).filter { names?.contains($0.name) ?? true }
        self.figures = figures
        self.settings = settings
    }

    /// How many of so many pictures are read at all: only the distance is of more than those shown.
    package func picturesRead(of count: Int) -> Int {
        if contains(.distance) { return count }
        return sections.contains { $0.isOfPictures } ? min(figures, count) : 0
    }

    func contains(_ section: ReportSection) -> Bool { sections.contains { $0.name == section.name } }

    /// The sections of methods that a model can be asked for.
    func methodSections(of subject: ReportSubject) -> [MethodSection] {
        sections.compactMap { section in
            guard case .method(let method) = section.content else { return nil }
            return method.needsClassifier && subject.classification == nil ? nil : method
        }
    }
}
