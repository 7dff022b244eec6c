"""Parts of the pages that a class shares: the teacher's page and the class wall."""
