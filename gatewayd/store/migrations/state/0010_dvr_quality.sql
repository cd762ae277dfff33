-- What the stream of a finished recording was like: the recorder's measures of the segments it lies in, as JSON.
ALTER TABLE dvr_recordings ADD COLUMN measures TEXT;
