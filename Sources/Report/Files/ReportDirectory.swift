import Files

extension OutputDirectory.Kind {
    /// A report, known by its page. Nothing but a report is lost with such a directory.
    static let report = OutputDirectory.Kind("report") { path in
        guard let entries = FileSystem.names(in: path) else { return false }
        if entries.isEmpty { return true }
        let page = FileSystem.text(of: "\(path)/\(ReportDirectory.pageName)") ?? ""
        return page.contains(ReportDirectory.mark)
    }
}

/// What makes a directory a report.
enum ReportDirectory {
    static let pageName = "index.html"
    static let mark = "<meta name=\"generator\" content=\"vitvideo"
}
